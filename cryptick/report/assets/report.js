'use strict'
const MARKERS_MAX = 500 // more in sight would only be a carpet

const drawEquity = ({ time, equity, hold, drawdown, exposure }) => {
  const chart = newChart(byId('equity'), {
    handleScroll: { mouseWheel: false },
    handleScale: { mouseWheel: false }, // the page scrolls on
  })
  const accent = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()
  const money = { type: 'custom', formatter: axis, minMove: 0.01 }
  const share = { type: 'custom', formatter: percent, minMove: 0.001 }
  const quiet = { priceLineVisible: false, lastValueVisible: false }
  const rows = (values) => values.map((value, i) => ({ time: time[i], value }))
  if (hold) {
    chart
      .addSeries(lib.LineSeries, { ...quiet, color: HOLD, lineWidth: 1, priceFormat: money })
      .setData(rows(hold))
  }
  const main = chart.addSeries(lib.LineSeries, {
    ...quiet,
    color: accent,
    lineWidth: 2,
    priceFormat: money,
  })
  main.setData(rows(equity))
  const area = (color, pane, values) =>
    chart
      .addSeries(
        lib.AreaSeries,
        {
          ...quiet,
          lineColor: color,
          topColor: `${color}55`,
          bottomColor: `${color}22`,
          lineWidth: 1,
          invertFilledArea: pane === 1,
          priceFormat: share,
        },
        pane,
      )
      .setData(rows(values))
  area(LOSS, 1, drawdown)
  area(GAIN, 2, exposure)
  chart.panes().forEach((pane, i) => pane.setStretchFactor(i ? 1 : 3))
  chart.timeScale().fitContent()
  const show = (i) =>
    legend(byId('equity-legend'), [
      [utc(time[i]), ''],
      ['Equity', number(equity[i], 2), accent],
      ...(hold ? [['Buy and hold', number(hold[i], 2), HOLD]] : []),
      ['Drawdown', percent(drawdown[i]), LOSS],
      ['Exposure', percent(exposure[i]), GAIN],
    ])
  const places = new Map(time.map((moment, i) => [moment, i]))
  show(time.length - 1)
  chart.subscribeCrosshairMove(({ time: at }) => show(places.get(at) ?? time.length - 1))
}

const drawCandles = (markets) => {
  const chart = newChart(byId('candles'), {})
  const series = chart.addSeries(lib.CandlestickSeries, {
    upColor: GAIN,
    downColor: LOSS,
    wickUpColor: GAIN,
    wickDownColor: LOSS,
    borderVisible: false,
    priceLineVisible: false,
  })
  const layer = lib.createSeriesMarkers(series, [])
  let market = markets[0]
  let marks = []
  let inSight = null

  const showMarks = () => {
    const range = chart.timeScale().getVisibleLogicalRange()
    const seen = marks.filter(({ bar }) => range && bar >= range.from - 1 && bar <= range.to + 1)
    const drawn = seen.length <= MARKERS_MAX ? seen : []
    const key = drawn.length ? `${drawn[0].id} ${drawn.at(-1).id}` : ''
    if (key !== inSight) layer.setMarkers(drawn)
    inSight = key
    byId('candles-note').textContent =
      seen.length > MARKERS_MAX ? 'Too many trades to show here: zoom in to see them.' : ''
  }
  const show = (bar) => {
    const at = market.time[bar]
    if (at === undefined) return
    const price = (name) => [name, number(market[name][bar], market.digits)]
    const trades = marks.filter((mark) => mark.bar === bar)
    legend(byId('candles-legend'), [
      [`${utc(at)}, bars of ${market.freq}`, ''],
      ...['open', 'high', 'low', 'close'].map(price),
      ...trades.map(({ buy, count, amount, paid }) => [
        `${buy ? 'bought' : 'sold'} ${amount} at ${number(paid, market.digits)}`,
        count > 1 ? `in ${count} trades` : '',
        buy ? GAIN : LOSS,
      ]),
    ])
  }
  const last = () =>
    chart.timeScale().setVisibleLogicalRange({
      from: Math.max(0, market.time.length - Math.max(40, Math.round(innerWidth / 10))) - 0.5,
      to: market.time.length + 0.5,
    })
  const choose = (index) => {
    market = markets[index]
    const { time, open, high, low, close, digits, markers } = market
    series.applyOptions({
      priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits },
    })
    marks = markers.bar.map((bar, i) => {
      const buy = markers.buy[i] === 1
      return {
        id: String(i),
        time: time[bar],
        position: buy ? 'belowBar' : 'aboveBar',
        shape: buy ? 'arrowUp' : 'arrowDown',
        color: buy ? GAIN : LOSS,
        size: 1,
        bar,
        buy,
        count: markers.count[i],
        amount: markers.size[i],
        paid: markers.price[i],
      }
    })
    inSight = null
    legend(byId('candles-legend'), [])
    series.setData(
      time.map((moment, i) => ({
        time: moment,
        open: open[i],
        high: high[i],
        low: low[i],
        close: close[i],
      })),
    )
    last()
    showMarks()
    show(time.length - 1)
  }
  chart.timeScale().subscribeVisibleLogicalRangeChange(showMarks)
  chart.subscribeCrosshairMove(({ logical }) => show(logical ?? market.time.length - 1))
  byId('all').addEventListener('click', () => chart.timeScale().fitContent())
  byId('end').addEventListener('click', last)
  const select = byId('market')
  select.hidden = markets.length < 2
  select.append(...markets.map(({ name }, i) => new Option(name, String(i))))
  select.addEventListener('change', () => choose(Number(select.value)))
  choose(0)
}

drawEquity(data.curve)
drawCandles(data.markets)
