import { useTheme } from '@mui/material/styles'
import {
  CandlestickSeries,
  createSeriesMarkers,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  type SeriesMarker,
  type UTCTimestamp,
} from 'lightweight-charts'
import { useEffect, useRef } from 'react'
import { useChart } from '@/shared/ui/Chart'
import type { Candle, Mark } from './candlesOf'

interface Drawn {
  series: ISeriesApi<'Candlestick'>
  markers: ISeriesMarkersPluginApi<UTCTimestamp>
  candles: readonly Candle[]
}

const APPENDED_MAX = 1000

export default function CandleChart({
  label,
  candles,
  marks,
  height,
}: {
  label: string
  candles: readonly Candle[]
  marks: readonly Mark[]
  height: number
}) {
  const [element, chart] = useChart(height)
  const { tokens } = useTheme()
  const drawn = useRef<Drawn>(null)
  useEffect(() => {
    const made = chart.current?.addSeries(CandlestickSeries, {
      upColor: tokens.gain,
      wickUpColor: tokens.gain,
      borderVisible: false,
      downColor: tokens.loss,
      wickDownColor: tokens.loss,
    })
    if (made === undefined) return undefined
    const markers = createSeriesMarkers(made, []) as ISeriesMarkersPluginApi<UTCTimestamp>
    drawn.current = { series: made, markers, candles: [] }
    return () => {
      drawn.current = null
    }
  }, [chart, height, tokens])
  useEffect(() => {
    const to = drawn.current
    if (to === null) return
    const before = to.candles
    const last = before.at(-1)
    const grows = last !== undefined && candles[before.length - 1]?.time === last.time
    to.candles = candles
    if (grows && candles.length - before.length <= APPENDED_MAX)
      for (const each of candles.slice(before.length - 1)) to.series.update(datum(each))
    else {
      to.series.setData(candles.map(datum))
      const digits = digitsOf(candles)
      to.series.applyOptions({
        priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits },
      })
      chart.current?.timeScale().fitContent()
    }
  }, [chart, height, tokens, candles])
  useEffect(() => {
    drawn.current?.markers.setMarkers(
      marks.map(({ time, kind, price, text }): SeriesMarker<UTCTimestamp> => {
        const at = time as UTCTimestamp
        if (kind === 'buy')
          return { time: at, position: 'belowBar', shape: 'arrowUp', color: tokens.gain }
        if (kind === 'sell')
          return { time: at, position: 'aboveBar', shape: 'arrowDown', color: tokens.loss }
        const place = Number.isFinite(price) ? { position: 'atPriceMiddle' as const, price } : null
        const look = { time: at, shape: 'circle' as const, color: tokens.accent, text }
        return place === null ? { ...look, position: 'aboveBar' } : { ...look, ...place }
      }),
    )
  }, [chart, height, tokens, marks])
  return <div ref={element} style={{ height }} role="img" aria-label={label} />
}

const datum = ({ time, ...prices }: Candle) => ({ time: time as UTCTimestamp, ...prices })

/** Digits after the point that the newest prices have. */
function digitsOf(candles: readonly Candle[]): number {
  const shown = candles.slice(-50).map(({ close }) => String(close).split('.')[1]?.length ?? 0)
  return Math.min(8, Math.max(2, ...shown))
}
