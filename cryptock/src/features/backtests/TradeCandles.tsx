/** What was bought and sold, on the candles of its market. Load it lazily. */
import { useTheme } from '@mui/material/styles'
import {
  CandlestickSeries,
  createSeriesMarkers,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts'
import { useEffect, useRef } from 'react'
import type { Candles } from '@/shared/api/wire'
import { useChart } from '@/shared/ui/Chart'
import type { Mark } from './series'

const HEIGHT = 340
const TOLD_MAX = 120 // with more, the words would cover the candles

export default function TradeCandles({
  candles,
  marks,
  name,
}: {
  candles: Candles
  marks: readonly Mark[]
  name: string
}) {
  const [element, chart] = useChart(HEIGHT)
  const { tokens } = useTheme()
  const drawn = useRef<{
    prices: ISeriesApi<'Candlestick'>
    markers: ISeriesMarkersPluginApi<Time>
  }>(null)
  useEffect(() => {
    if (chart.current === null) return undefined
    // Candles are pale, so that what was traded stands out.
    const prices = chart.current.addSeries(CandlestickSeries, {
      upColor: `${tokens.dim}55`,
      wickUpColor: `${tokens.dim}99`,
      borderVisible: false,
      downColor: `${tokens.dim}bb`,
      wickDownColor: `${tokens.dim}99`,
    })
    chart.current.applyOptions({ timeScale: { minBarSpacing: 0.1 } })
    drawn.current = { prices, markers: createSeriesMarkers(prices, []) }
    return () => {
      drawn.current = null
    }
  }, [chart, tokens])
  useEffect(() => {
    if (drawn.current === null) return
    const { prices, markers } = drawn.current
    const digits = candles.price_digits
    prices.applyOptions({
      priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits },
    })
    prices.setData(
      candles.points.map(([time, low, high, open, close]) => ({
        time: time as UTCTimestamp,
        low,
        high,
        open,
        close,
      })),
    )
    markers.setMarkers(
      marks.map(({ at, side, count }) => ({
        time: at as UTCTimestamp,
        position: side === 'buy' ? 'belowBar' : 'aboveBar',
        shape: side === 'buy' ? 'arrowUp' : 'arrowDown',
        color: side === 'buy' ? tokens.gain : tokens.loss,
        ...(marks.length <= TOLD_MAX && { text: count > 1 ? `${side} ${count} ×` : side }),
      })),
    )
    chart.current?.timeScale().fitContent()
  }, [candles, marks, chart, tokens])
  return (
    <div
      ref={element}
      style={{ height: HEIGHT }}
      role="img"
      aria-label={`Trades on candles of ${name}`}
    />
  )
}
