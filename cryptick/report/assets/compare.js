'use strict'
const COLORS = ['#2b7bba', '#e76f51', '#2a9d8f', '#b07cc6', '#c9a227', '#8a8a86', '#d1495b', '#4f6d7a']

const chart = newChart(byId('equity'), {
  handleScroll: { mouseWheel: false },
  handleScale: { mouseWheel: false }, // the page scrolls on
})
const runs = data.runs.map(({ name, time, growth }, i) => {
  const color = COLORS[i % COLORS.length]
  const series = chart.addSeries(lib.LineSeries, {
    color,
    lineWidth: 2,
    lineStyle: i < COLORS.length ? lib.LineStyle.Solid : lib.LineStyle.Dashed,
    priceLineVisible: false,
    lastValueVisible: false,
    priceFormat: { type: 'custom', formatter: percent, minMove: 0.001 },
  })
  series.setData(growth.map((value, row) => ({ time: time[row], value })))
  return { name, series, color, last: growth.at(-1) }
})
const show = (time, values) =>
  legend(byId('equity-legend'), [
    ...(time === undefined ? [] : [[utc(time), '']]),
    ...runs.map(({ name, series, color, last }) => [
      name,
      values ? (values.has(series) ? percent(values.get(series).value) : '–') : percent(last),
      color,
    ]),
  ])
show()
chart.timeScale().fitContent()
chart.subscribeCrosshairMove(({ time, seriesData }) =>
  time === undefined ? show() : show(time, seriesData),
)
