import { useTheme } from '@mui/material/styles'
import {
  CandlestickSeries,
  HistogramSeries,
  type ISeriesApi,
  type UTCTimestamp,
} from 'lightweight-charts'
import { useEffect, useRef } from 'react'
import type { Candles } from '@/shared/api/wire'
import { useChart } from '@/shared/ui/Chart'

const HEIGHT = 340

export default function CandleChart({ candles, name }: { candles: Candles; name: string }) {
  const [element, chart] = useChart(HEIGHT)
  const { tokens } = useTheme()
  const series = useRef<{ prices: ISeriesApi<'Candlestick'>; volumes: ISeriesApi<'Histogram'> }>(
    null,
  )
  const shown = useRef('')
  useEffect(() => {
    if (chart.current === null) return undefined
    const prices = chart.current.addSeries(CandlestickSeries, {
      upColor: tokens.gain,
      wickUpColor: tokens.gain,
      borderVisible: false,
      downColor: tokens.loss,
      wickDownColor: tokens.loss,
    })
    const volumes = chart.current.addSeries(HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    })
    prices.priceScale().applyOptions({ scaleMargins: { top: 0.05, bottom: 0.22 } })
    volumes.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } })
    series.current = { prices, volumes }
    shown.current = ''
    return () => {
      series.current = null
    }
  }, [chart, tokens])
  useEffect(() => {
    if (series.current === null) return
    const digits = candles.price_digits
    series.current.prices.applyOptions({
      priceFormat: { type: 'price', precision: digits, minMove: 10 ** -digits },
    })
    series.current.prices.setData(
      candles.points.map(([time, low, high, open, close]) => ({
        time: time as UTCTimestamp,
        low,
        high,
        open,
        close,
      })),
    )
    series.current.volumes.setData(
      candles.points.map(([time, , , open, close, volume]) => ({
        time: time as UTCTimestamp,
        value: volume,
        color: `${close >= open ? tokens.gain : tokens.loss}55`,
      })),
    )
    const what = `${name}:${candles.freq_s}`
    if (shown.current !== what) chart.current?.timeScale().fitContent()
    shown.current = what
  }, [candles, name, chart, tokens])
  return (
    <div ref={element} style={{ height: HEIGHT }} role="img" aria-label={`Candles of ${name}`} />
  )
}
