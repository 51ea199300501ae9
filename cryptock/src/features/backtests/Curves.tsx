/** Curves over one time, in panes above each other, told apart by colour and by dash. Load it lazily. */
import { Box, ButtonBase } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import {
  type ISeriesApi,
  LineSeries,
  LineStyle,
  type MouseEventParams,
  type UTCTimestamp,
} from 'lightweight-charts'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useChart } from '@/shared/ui/Chart'
import type { Dash } from './palette'
import { Swatch } from './Swatch'
import { atTimes, evenTimes, type Point } from './series'

export interface Curve {
  name: string
  points: readonly Point[]
  colour: string
  dash: Dash
}

export interface Pane {
  title: string
  curves: readonly Curve[]
  form: (value: number) => string
  /** How much of the height, beside the others. */
  part: number
  /** What is kept where there are more points than places. */
  keep?: 'lowest'
}

const AXIS_PX = 26
const TITLE_PX = 22
const POINTS_MAX = 1000
/** By the places of `DASHES`. */
const STYLES = [LineStyle.Solid, LineStyle.Dashed, LineStyle.Dotted, LineStyle.LargeDashed] as const

/** Curves of one name in several panes are shown and hidden together. */
export default function Curves({
  label,
  panes,
  height,
}: {
  label: string
  panes: readonly Pane[]
  height: number
}) {
  const [element, chart] = useChart(height)
  const { tokens } = useTheme()
  const series = useRef<{ curve: Curve; pane: Pane; line: ISeriesApi<'Line'> }[]>([])
  const parts = panes.reduce((sum, { part }) => sum + part, 0)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [pointed, setPointed] = useState<ReadonlyMap<Curve, number> | null>(null)
  const legend = useMemo(() => {
    const named = new Map<string, { curve: Curve; pane: Pane }[]>()
    for (const pane of panes)
      for (const curve of pane.curves)
        named.set(curve.name, [...(named.get(curve.name) ?? []), { curve, pane }])
    return [...named]
  }, [panes])
  useEffect(() => {
    const made = chart.current
    if (made === null) return undefined
    made.applyOptions({
      layout: { panes: { separatorColor: tokens.line, enableResize: false } },
      rightPriceScale: { minimumWidth: 64 },
      timeScale: { minBarSpacing: 0.1 },
    })
    const times = evenTimes(
      panes.flatMap(({ curves }) => curves.map(({ points }) => points)),
      POINTS_MAX,
    )
    series.current = panes.flatMap((pane, index) =>
      pane.curves.map((curve) => {
        const line = made.addSeries(
          LineSeries,
          {
            color: curve.colour,
            lineWidth: 2,
            lineStyle: STYLES[curve.dash],
            lastValueVisible: false,
            priceLineVisible: false,
            priceFormat: {
              type: 'custom',
              formatter: (value: number) => pane.form(value),
              minMove: 1e-6,
            },
          },
          index,
        )
        line.setData(
          atTimes(curve.points, times, pane.keep).map(([at, value]) => ({
            time: (at / 1000) as UTCTimestamp,
            value,
          })),
        )
        line.priceScale().applyOptions({
          scaleMargins: {
            top: TITLE_PX / ((height - AXIS_PX) * (pane.part / parts)),
            bottom: 0.06,
          },
        })
        return { curve, pane, line }
      }),
    )
    made.panes().forEach((pane, index) => pane.setStretchFactor(panes[index]?.part ?? 1))
    made.timeScale().fitContent()
    const move = ({ time, seriesData }: MouseEventParams) =>
      setPointed(
        time === undefined
          ? null
          : new Map(
              series.current.flatMap(({ curve, line }) => {
                const data = seriesData.get(line)
                return data && 'value' in data ? [[curve, data.value] as const] : []
              }),
            ),
      )
    made.subscribeCrosshairMove(move)
    const isThere = () => chart.current === made
    return () => {
      const old = series.current
      series.current = []
      if (!isThere()) return
      made.unsubscribeCrosshairMove(move)
      for (const { line } of old) made.removeSeries(line)
    }
  }, [chart, panes, parts, height, tokens])
  useEffect(() => {
    for (const { curve, line } of series.current)
      line.applyOptions({ visible: !hidden.has(curve.name) })
  }, [hidden, panes, tokens])
  const toggle = (name: string) => {
    const next = new Set(hidden)
    if (!next.delete(name)) next.add(name)
    setHidden(next)
  }
  const tops = panes.map(
    (_, index) =>
      (panes.slice(0, index).reduce((sum, { part }) => sum + part, 0) / parts) * (height - AXIS_PX),
  )
  return (
    <Box>
      <Box
        role="group"
        aria-label={`Curves of ${label}`}
        sx={{ display: 'flex', flexWrap: 'wrap', columnGap: 4, rowGap: 1, mb: 2, fontSize: 12 }}
      >
        {legend.map(([name, shown]) => (
          <ButtonBase
            key={name}
            aria-pressed={!hidden.has(name)}
            title={hidden.has(name) ? `Show ${name}` : `Hide ${name}`}
            onClick={() => toggle(name)}
            sx={{ font: 'inherit', gap: 1.5, py: 0.5, opacity: hidden.has(name) ? 0.55 : 1 }}
          >
            <Swatch
              colour={shown[0]?.curve.colour ?? tokens.dim}
              dash={shown[0]?.curve.dash ?? 0}
            />
            <span style={hidden.has(name) ? { textDecoration: 'line-through' } : {}}>{name}</span>
            <Box component="span" sx={{ fontFamily: (t) => t.numbers, color: 'text.secondary' }}>
              {shown
                .map(({ curve, pane }) => {
                  const value = pointed === null ? curve.points.at(-1)?.[1] : pointed.get(curve)
                  return value === undefined ? '' : pane.form(value)
                })
                .filter(Boolean)
                .join(' · ')}
            </Box>
          </ButtonBase>
        ))}
      </Box>
      <Box sx={{ position: 'relative' }}>
        <div ref={element} style={{ height }} role="img" aria-label={label} />
        {panes.map(({ title }, index) => (
          <Box
            key={title}
            component="span"
            sx={{
              position: 'absolute',
              left: 4,
              top: (tops[index] ?? 0) + 4,
              fontSize: 12,
              color: 'text.secondary',
              pointerEvents: 'none',
              zIndex: 3,
            }}
          >
            {title}
          </Box>
        ))}
      </Box>
    </Box>
  )
}
