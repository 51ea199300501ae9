/** Time series by lightweight-charts, in the page's colours. Load it lazily: it is large. */
import { useTheme } from '@mui/material/styles'
import { ColorType, createChart, type IChartApi } from 'lightweight-charts'
import { type RefObject, useEffect, useRef } from 'react'

/** A chart in an element; it is made anew with the theme. */
export function useChart(
  height: number,
): [RefObject<HTMLDivElement | null>, RefObject<IChartApi | null>] {
  const element = useRef<HTMLDivElement>(null)
  const chart = useRef<IChartApi>(null)
  const { tokens } = useTheme()
  useEffect(() => {
    if (element.current === null) return undefined
    const made = createChart(element.current, {
      height,
      autoSize: true,
      layout: {
        background: { type: ColorType.Solid, color: 'transparent' },
        textColor: tokens.dim,
        fontFamily: "'Inter Variable', sans-serif",
        fontSize: 12,
        attributionLogo: false,
      },
      grid: { vertLines: { color: `${tokens.line}66` }, horzLines: { color: `${tokens.line}66` } },
      rightPriceScale: { borderColor: tokens.line },
      timeScale: { borderColor: tokens.line, timeVisible: true, secondsVisible: true },
    })
    chart.current = made
    return () => {
      chart.current = null
      made.remove()
    }
  }, [height, tokens])
  return [element, chart]
}
