/** Numbers over time by lightweight-charts: load it lazily. What is added is drawn without drawing all again. */
import { useTheme } from '@mui/material/styles'
import {
  AreaSeries,
  type ISeriesApi,
  LineSeries,
  type UTCTimestamp,
  type WhitespaceData,
} from 'lightweight-charts'
import { useEffect, useRef } from 'react'
import { useChart } from './Chart'

export interface Series {
  name: string
  colour: string
  /** Seconds since 1970, rising, and values; null is a gap. */
  points: readonly (readonly [seconds: number, value: number | null])[]
}

type Drawn = { series: ISeriesApi<'Line'> | ISeriesApi<'Area'>; points: Series['points'] }
type Datum = WhitespaceData<UTCTimestamp> | { time: UTCTimestamp; value: number }

const APPENDED_MAX = 1000 // more than that is drawn sooner as a whole

export default function SeriesChart({
  label,
  series,
  height,
  area = false,
}: {
  label: string
  series: readonly Series[]
  height: number
  area?: boolean
}) {
  const [element, chart] = useChart(height)
  const { tokens } = useTheme()
  const drawn = useRef<Drawn[]>([])
  const look = series.map(({ name, colour }) => `${name} ${colour}`).join('\n')
  useEffect(() => {
    const on = chart
    const made = on.current
    if (made === null) return undefined
    drawn.current = (look === '' ? [] : look.split('\n')).map((line) => {
      const colour = line.slice(line.lastIndexOf(' ') + 1)
      const common = { lineWidth: 2, priceLineVisible: false } as const
      const added = area
        ? made.addSeries(AreaSeries, {
            ...common,
            lineColor: colour,
            topColor: `${colour}44`,
            bottomColor: `${colour}05`,
          })
        : made.addSeries(LineSeries, { ...common, color: colour })
      return { series: added, points: [] }
    })
    return () => {
      if (on.current === made) for (const each of drawn.current) made.removeSeries(each.series)
      drawn.current = []
    }
  }, [chart, height, tokens, look, area])
  useEffect(() => {
    const news = series.flatMap(({ points }, index) => {
      const each = drawn.current[index]
      return each === undefined || each.points === points ? [] : [{ each, points }]
    })
    const first = news.some(({ each }) => each.points.length === 0)
    for (const { each, points } of news) draw(each, points)
    if (first) chart.current?.timeScale().fitContent()
  }, [chart, height, tokens, look, area, series])
  return <div ref={element} style={{ height }} role="img" aria-label={label} />
}

function draw(each: Drawn, points: Series['points']): void {
  const before = each.points.length
  const last = each.points.at(-1)
  const same = points[before - 1]
  const appended = before > 0 && same?.[0] === last?.[0] && same?.[1] === last?.[1]
  each.points = points
  if (!appended || points.length - before > APPENDED_MAX) each.series.setData(data(points))
  else for (const datum of data(points.slice(before - 1))) each.series.update(datum)
}

/** Of several values within a second the last one counts. */
function data(points: Series['points']): Datum[] {
  const found: Datum[] = []
  for (const [seconds, value] of points) {
    const time = seconds as UTCTimestamp
    if (found.at(-1)?.time === time) found.pop()
    found.push(value === null ? { time } : { time, value })
  }
  return found
}
