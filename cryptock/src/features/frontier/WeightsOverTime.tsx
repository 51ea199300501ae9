/** What the portfolio consisted of, from its start until now. */
import { Box, useTheme } from '@mui/material'
import { memo, type PointerEvent, useMemo, useState } from 'react'
import type { Cell, ComponentFormat } from '@/shared/api/runs'
import { utc, wireTime } from '@/shared/format'
import { useNow } from '@/shared/hooks'
import { assetColour } from '@/shared/theme'
import { Card, Empty } from '@/shared/ui/parts'
import { percent, scale, timeTicks } from './scale'
import { useSize } from './useSize'

const HEIGHT = 220
const POINTS_MAX = 1000
const NOW_MS = 10_000
const MARGIN = { left: 44, right: 10, top: 8, bottom: 26 }

interface Point {
  at: number
  shares: number[]
}

/** The points, thinned evenly where there are more than can be seen; the newest stays. */
export function readWeights(rows: readonly (readonly Cell[])[]): Point[] {
  const every = Math.max(1, Math.ceil(rows.length / POINTS_MAX))
  return rows
    .filter((_, index) => index % every === 0 || index === rows.length - 1)
    .map(([time, ...shares]) => ({
      at: wireTime(String(time)),
      shares: shares.map((share) => Number(share ?? 0) / 100),
    }))
}

export const WeightsOverTime = memo(function WeightsOverTime({
  format,
  rows,
  isGoing,
}: {
  format: ComponentFormat
  rows: Cell[][]
  /** Whether what was held last is held now. */
  isGoing: boolean
}) {
  const names = format.columns.slice(1).map(({ name }) => name)
  const now = Math.floor(useNow() / NOW_MS) * NOW_MS
  const points = useMemo(() => {
    const known = readWeights(rows)
    const newest = known.at(-1)
    return isGoing && newest && now > newest.at ? [...known, { ...newest, at: now }] : known
  }, [rows, isGoing, now])
  const { tokens } = useTheme()
  const [element, { width }] = useSize()
  const [seen, setSeen] = useState<number | null>(null)
  const [first, last] = [points[0], points.at(-1)]
  const shown = points[seen ?? -1] ?? last
  const right = Math.max(MARGIN.left + 1, width - MARGIN.right)
  const bottom = HEIGHT - MARGIN.bottom
  const x = scale(first?.at ?? 0, last?.at ?? 1, MARGIN.left, right)
  const y = scale(0, 1, bottom, MARGIN.top)
  const areas = useMemo(() => {
    const to = {
      x: scale(first?.at ?? 0, last?.at ?? 1, MARGIN.left, right),
      y: scale(0, 1, bottom, MARGIN.top),
    }
    const below = points.map(() => 0)
    return names.map((_, each) => {
      // What is held stays as it is until it is told otherwise.
      const edge = (values: number[]) =>
        points.flatMap(({ at }, index) =>
          [values[Math.max(0, index - 1)], values[index]].map(
            (value) => `${to.x.to(at).toFixed(1)} ${to.y.to(value ?? 0).toFixed(1)}`,
          ),
        )
      const low = edge(below)
      points.forEach(
        ({ shares }, index) => (below[index] = (below[index] ?? 0) + (shares[each] ?? 0)),
      )
      return `M${edge(below).join('L')}L${low.reverse().join('L')}Z`
    })
    // The names are those of the format, and only their number matters.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [points, names.length, right, bottom])
  const move = (event: PointerEvent<SVGSVGElement>) => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left
    let best = 0
    points.forEach((point, index) => {
      if (Math.abs(x.to(point.at) - at) < Math.abs(x.to(points[best]?.at ?? 0) - at)) best = index
    })
    setSeen(best)
  }
  return (
    <Card title={format.title}>
      {points.length < 2 || shown === undefined ? (
        <Empty text="Drawn as soon as something is held." />
      ) : (
        <>
          <Box
            ref={element}
            role="img"
            aria-label={`Weights over time: now ${names.map((name, i) => `${name} ${percent(last?.shares[i] ?? 0)}`).join(', ')}`}
            sx={{ height: HEIGHT, '& text': { fontSize: 12, fill: tokens.dim } }}
          >
            <svg
              width={width}
              height={HEIGHT}
              onPointerMove={move}
              onPointerLeave={() => setSeen(null)}
            >
              {areas.map((d, index) => (
                <path
                  key={names[index]}
                  d={d}
                  fill={assetColour(names[index] ?? '')}
                  fillOpacity={0.8}
                  stroke={tokens.card}
                  strokeWidth={1}
                />
              ))}
              {[0, 0.5, 1].map((share) => (
                <g key={share} transform={`translate(0,${y.to(share)})`}>
                  <line x1={MARGIN.left} x2={right} stroke={tokens.line} strokeOpacity={0.6} />
                  <text x={MARGIN.left - 6} dy="0.35em" textAnchor="end">
                    {percent(share, 0.5)}
                  </text>
                </g>
              ))}
              {timeTicks(x.low, x.high, (right - MARGIN.left) / 110).map(({ at, text }) => (
                <text key={at} x={x.to(at)} y={HEIGHT - 8} textAnchor="middle">
                  {text}
                </text>
              ))}
              {seen !== null && (
                <line
                  x1={x.to(shown.at)}
                  x2={x.to(shown.at)}
                  y1={MARGIN.top}
                  y2={bottom}
                  stroke={tokens.text}
                />
              )}
            </svg>
          </Box>
          <Box
            sx={{ display: 'flex', flexWrap: 'wrap', columnGap: 4, rowGap: 1, fontSize: 12, mt: 1 }}
          >
            {names.map((name, index) => (
              <span key={name}>
                <Box component="span" aria-hidden sx={{ color: assetColour(name), mr: 1 }}>
                  ■
                </Box>
                {name}{' '}
                <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
                  {percent(shown.shares[index] ?? 0)}
                </Box>
              </span>
            ))}
            <Box component="span" sx={{ color: 'text.secondary', ml: 'auto' }}>
              {utc(shown.at)}
            </Box>
          </Box>
        </>
      )}
    </Card>
  )
})
