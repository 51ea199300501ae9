import { useTheme } from '@mui/material/styles'
import { AreaSeries, type UTCTimestamp } from 'lightweight-charts'
import { useEffect } from 'react'
import { useChart } from '@/shared/ui/Chart'
import type { ValuePoint } from '@/shared/wallets/history'

const HEIGHT = 200

export default function HistoryChart({ points, name }: { points: ValuePoint[]; name: string }) {
  const [element, chart] = useChart(HEIGHT)
  const { tokens } = useTheme()
  useEffect(() => {
    const drawn = chart
    const at = drawn.current
    if (at === null) return undefined
    const series = at.addSeries(AreaSeries, {
      lineColor: tokens.accent,
      lineWidth: 2,
      topColor: `${tokens.accent}44`,
      bottomColor: `${tokens.accent}05`,
    })
    series.setData(points.map(({ time, value }) => ({ time: time as UTCTimestamp, value })))
    at.timeScale().fitContent()
    return () => {
      if (drawn.current === at) at.removeSeries(series)
    }
  }, [chart, points, tokens])
  return (
    <div
      ref={element}
      style={{ height: HEIGHT }}
      role="img"
      aria-label={`Value of ${name} over time, in USD`}
    />
  )
}
