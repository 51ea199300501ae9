/** The picture: random portfolios, the frontier over them, where one is and where one wants to be. */
import { Box, useTheme } from '@mui/material'
import { type KeyboardEvent, memo, type PointerEvent, useId, useMemo, useState } from 'react'
import { assetColour } from '@/shared/theme'
import { Cloud } from './Cloud'
import { type Geometry, layOut, nearest, type Point, polyline, RING_PX, textOf } from './geometry'
import type { Course, Estimated, Range } from './picture'
import { type Mix, measure } from './portfolio'
import { figure, percent, place as placeLabel, textSize } from './scale'
import { useSize } from './useSize'

const NEAR_PX = 16
const POINT_PX = 7
const DOT_PX = 5
const HANDLE_PX = 9
const WAY_PARTS = 24
const PAGE = 5

interface Seen extends Point {
  title: string
  mix: Mix
  range?: Range | undefined
}

export interface PlotProps {
  estimated: Estimated
  course: Course
  band: readonly Range[]
  /** Where the target stands. */
  mix: Mix | null
  /** Where on the frontier that is; null beside it. */
  place: number | null
  /** Without it nothing can be chosen. */
  onPlace?: ((place: number) => void) | undefined
  height: object | number
}

export function Plot({ estimated, course, band, mix, place, onPlace, height }: PlotProps) {
  const { tokens, palette } = useTheme()
  const [element, size] = useSize()
  const [seen, setSeen] = useState<Seen | null>(null)
  const [dragging, setDragging] = useState(false)
  const { path } = course
  const drawn = useMemo(
    () => (size.width > 0 ? layOut(estimated, path, band, size.width, size.height) : null),
    [estimated, path, band, size],
  )
  const { frontier, currencies, estimates, cloud } = estimated
  const now = path.at(-1)

  const at = (event: PointerEvent): Point => {
    const box = event.currentTarget.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  const target = drawn && mix ? { x: drawn.x.to(mix.risk), y: drawn.y.to(mix.gain) } : null
  const isOnTarget = (point: Point) =>
    target !== null && Math.hypot(target.x - point.x, target.y - point.y) <= NEAR_PX

  const down = (event: PointerEvent<SVGSVGElement>) => {
    if (drawn === null || onPlace === undefined || event.button !== 0) return
    const point = at(event)
    const found = nearest(drawn.line, point)
    if (!isOnTarget(point)) {
      if (found.px > NEAR_PX) return
      const exact = Math.round(found.place)
      const { x, y } = drawn.points[exact] ?? point
      onPlace(Math.hypot(x - point.x, y - point.y) <= POINT_PX ? exact : found.place)
    }
    event.currentTarget.setPointerCapture(event.pointerId)
    setDragging(true)
    setSeen(null)
  }
  const move = (event: PointerEvent<SVGSVGElement>) => {
    if (drawn === null) return
    const point = at(event)
    if (dragging) onPlace?.(nearest(drawn.line, point).place)
    else setSeen(look(point, drawn))
  }
  const key = (event: KeyboardEvent) => {
    if (mix === null || onPlace === undefined) return
    const from = place ?? frontier.placeOfGain(mix.gain)
    const [above, below] = [Math.floor(from + 1), Math.ceil(from - 1)]
    const to = {
      ArrowRight: above,
      ArrowUp: above,
      ArrowLeft: below,
      ArrowDown: below,
      PageUp: above + PAGE - 1,
      PageDown: below - PAGE + 1,
      Home: 0,
      End: frontier.last,
    }[event.key]
    if (to === undefined) return
    event.preventDefault()
    onPlace(Math.min(frontier.last, Math.max(0, to)))
  }

  function look(point: Point, { marks, line, x, y }: Geometry): Seen | null {
    const near = (each: Point) => Math.hypot(each.x - point.x, each.y - point.y)
    if (mix && target && near(target) <= HANDLE_PX) return { ...target, title: 'target', mix }
    const mark = marks.find((each) => near(each) <= HANDLE_PX)
    if (mark) return { x: mark.x, y: mark.y, title: TITLES[mark.kind] ?? mark.name, mix: mark.mix }
    const found = nearest(line, point)
    if (found.px <= NEAR_PX) {
      const on = frontier.at(found.place)
      return {
        x: x.to(on.risk),
        y: y.to(on.gain),
        title: 'on the frontier',
        mix: on,
        range: band[Math.round(found.place)],
      }
    }
    const { risks, gains, weights } = cloud
    let [best, px] = [-1, DOT_PX]
    for (let row = 0; row < risks.length; row += 1) {
      const away = near({ x: x.to(risks[row] ?? 0), y: y.to(gains[row] ?? 0) })
      if (away < px) [best, px] = [row, away]
    }
    if (best < 0) return null
    const n = currencies.length
    const random = measure([...weights.subarray(best * n, best * n + n)], estimates)
    return { x: x.to(random.risk), y: y.to(random.gain), title: 'a random mix', mix: random }
  }

  return (
    <Box
      ref={element}
      role="group"
      aria-label="Efficient frontier: return over risk"
      sx={{
        position: 'relative',
        height,
        minWidth: 0,
        userSelect: 'none',
        '& text': { fontSize: 12, fill: tokens.text },
        '& .dim': { fill: tokens.dim },
        '& .halo': {
          paintOrder: 'stroke',
          stroke: tokens.card,
          strokeWidth: 4,
          strokeLinejoin: 'round',
        },
        '& .handle': { outline: 'none' },
        '& .handle:focus-visible .ring': { strokeWidth: 6 },
      }}
    >
      {drawn && (
        <>
          <Cloud
            cloud={cloud}
            currencies={currencies}
            x={drawn.x}
            y={drawn.y}
            width={size.width}
            height={size.height}
            opacity={palette.mode === 'dark' ? 0.42 : 0.38}
          />
          <svg
            width={size.width}
            height={size.height}
            style={{
              position: 'absolute',
              inset: 0,
              cursor: dragging ? 'grabbing' : 'default',
            }}
            onPointerDown={down}
            onPointerMove={move}
            onPointerUp={() => setDragging(false)}
            onPointerCancel={() => setDragging(false)}
            onPointerLeave={() => setSeen(null)}
          >
            {path.length > 1 && (
              <polyline
                points={polyline(
                  path.map((each) => ({ x: drawn.x.to(each.risk), y: drawn.y.to(each.gain) })),
                )}
                fill="none"
                stroke={tokens.text}
                strokeWidth={1.75}
                strokeDasharray="5 4"
                strokeLinejoin="round"
              />
            )}
            {now && mix && <Way from={now} to={mix} drawn={drawn} estimated={estimated} />}
            <Still drawn={drawn} width={size.width} canChoose={onPlace !== undefined} />
            {now && (
              <circle
                cx={drawn.x.to(now.risk)}
                cy={drawn.y.to(now.gain)}
                r={5.5}
                fill={tokens.text}
                stroke={tokens.card}
                strokeWidth={2}
              />
            )}
            {mix && target && place === null && (
              <Lift mix={mix} target={target} drawn={drawn} estimated={estimated} />
            )}
            {seen && (
              <circle
                cx={seen.x}
                cy={seen.y}
                r={4}
                fill="none"
                stroke={tokens.text}
                strokeWidth={1.5}
                pointerEvents="none"
              />
            )}
            {mix && target && (
              <g
                className="handle"
                role="slider"
                tabIndex={onPlace === undefined ? -1 : 0}
                aria-label="Target on the frontier"
                aria-disabled={onPlace === undefined}
                aria-valuemin={0}
                aria-valuemax={frontier.last}
                aria-valuenow={Math.round((place ?? frontier.placeOfGain(mix.gain)) * 100) / 100}
                aria-valuetext={spoken(mix, currencies, place === null)}
                transform={`translate(${target.x},${target.y})`}
                style={{
                  cursor: onPlace === undefined ? 'default' : dragging ? 'grabbing' : 'grab',
                  touchAction: 'none',
                }}
                onKeyDown={key}
              >
                <circle r={NEAR_PX + 6} fill="transparent" />
                <circle
                  className="ring"
                  r={HANDLE_PX}
                  fill={`${tokens.accent}2e`}
                  stroke={tokens.accent}
                  strokeWidth={3}
                />
                <circle r={2.5} fill={tokens.accent} />
              </g>
            )}
            {target && <TargetLabel target={target} drawn={drawn} colour={tokens.accent} />}
          </svg>
          {seen && <Tip seen={seen} currencies={currencies} {...size} />}
        </>
      )}
    </Box>
  )
}

/** Whether points can be told apart on the line. */
const areApart = (points: readonly Point[]): boolean =>
  polylinePx(points) > POINT_PX * 1.3 * points.length

const polylinePx = (points: readonly Point[]): number =>
  points.reduce((total, { x, y }, index) => {
    const before = points[index - 1]
    return before ? total + Math.hypot(x - before.x, y - before.y) : total
  }, 0)

const TITLES: Record<string, string> = {
  now: 'now',
  minimum: 'minimum variance',
  maximum: 'maximum Sharpe ratio',
}

/** What a screen reader says of a mix. */
function spoken(mix: Mix, currencies: readonly string[], isBeside: boolean): string {
  const parts = holdings(mix, currencies).map(({ name, share }) => `${name} ${share}`)
  return `${isBeside ? 'beside the frontier, ' : ''}risk ${figure(mix.risk)}, return ${figure(mix.gain)}, Sharpe ratio ${ratio(mix)}: ${parts.join(', ')}`
}

export const ratio = ({ sharpe }: Mix): string =>
  sharpe === null ? '–' : sharpe.toFixed(2).replace('-', '−')

/** What a mix holds, the most first. */
function holdings(mix: Mix, currencies: readonly string[]): { name: string; share: string }[] {
  return currencies
    .map((name, index) => ({ name, weight: mix.weights[index] ?? 0 }))
    .filter(({ weight }) => weight >= 0.0005)
    .sort((a, b) => b.weight - a.weight)
    .map(({ name, weight }) => ({ name, share: percent(weight) }))
}

/** What does not move while the target does. */
const Still = memo(function Still({
  drawn,
  width,
  canChoose,
}: {
  drawn: Geometry
  width: number
  canChoose: boolean
}) {
  const { tokens } = useTheme()
  const clip = useId()
  const { frame, x, y, xTicks, yTicks, line, points, band, marks } = drawn
  const [right, bottom] = [frame.x + frame.width, frame.y + frame.height]
  const step = (values: number[]) => Math.abs((values[1] ?? 1) - (values[0] ?? 0))
  return (
    <g>
      <clipPath id={clip}>
        <rect {...frame} />
      </clipPath>
      {yTicks.map((value) => (
        <g key={value} transform={`translate(0,${y.to(value).toFixed(1)})`}>
          <line
            x1={frame.x}
            x2={right}
            stroke={tokens.line}
            strokeOpacity={Math.abs(value) < 1e-9 ? 1 : 0.45}
          />
          <text className="dim" x={frame.x - 8} dy="0.35em" textAnchor="end">
            {percent(value, step(yTicks))}
          </text>
        </g>
      ))}
      {xTicks.map((value) => (
        <g key={value} transform={`translate(${x.to(value).toFixed(1)},0)`}>
          <line y1={frame.y} y2={bottom} stroke={tokens.line} strokeOpacity={0.45} />
          <text
            className="dim"
            y={bottom + 18}
            textAnchor={x.to(value) > width - 24 ? 'end' : 'middle'}
          >
            {percent(value, step(xTicks))}
          </text>
        </g>
      ))}
      <path
        d={`M${frame.x} ${frame.y}V${bottom}H${right}`}
        fill="none"
        stroke={tokens.line}
        strokeWidth={1.5}
      />
      <text className="dim" x={frame.x} y={frame.y - 12}>
        return per year
      </text>
      <text className="dim" x={right} y={bottom + 38} textAnchor="end">
        risk per year
      </text>
      {band.length > 0 && (
        <polygon
          points={polyline(band)}
          clipPath={`url(#${clip})`}
          fill={tokens.accent}
          fillOpacity={0.07}
        />
      )}
      <polyline
        points={polyline(line)}
        fill="none"
        stroke={tokens.card}
        strokeOpacity={0.7}
        strokeWidth={6}
        strokeLinejoin="round"
        strokeLinecap="round"
      />
      <polyline
        points={polyline(line)}
        fill="none"
        stroke={tokens.accent}
        strokeWidth={2.5}
        strokeLinejoin="round"
        strokeLinecap="round"
      />
      {areApart(points) &&
        points.map((point, index) => (
          <circle key={index} cx={point.x} cy={point.y} r={1.8} fill={tokens.card} />
        ))}
      {canChoose && (
        <polyline
          points={polyline(line)}
          fill="none"
          stroke="transparent"
          strokeWidth={2 * NEAR_PX}
          strokeLinecap="round"
          style={{ cursor: 'pointer', touchAction: 'none' }}
        />
      )}
      {marks.map((mark) => (
        <g key={`${mark.kind}:${mark.name}`}>
          {mark.kind === 'asset' && (
            <rect
              x={mark.x - 4.5}
              y={mark.y - 4.5}
              width={9}
              height={9}
              rx={2}
              fill={assetColour(mark.name)}
              stroke={tokens.card}
              strokeWidth={1.5}
            />
          )}
          {(mark.kind === 'maximum' || mark.kind === 'minimum') && (
            <path
              d="M0 -6L6 0L0 6L-6 0Z"
              transform={`translate(${mark.x},${mark.y})`}
              fill={tokens.card}
              stroke={tokens.accent}
              strokeWidth={2}
            />
          )}
          {mark.label && (
            <text
              className="halo"
              x={mark.label.x + mark.label.width / 2}
              y={mark.label.y + 12}
              textAnchor="middle"
              fontWeight={mark.kind === 'now' ? 650 : 500}
            >
              {textOf(mark)}
            </text>
          )}
        </g>
      ))}
    </g>
  )
})

/** The straight way from what is held to the target, which is a curve in this picture. */
function Way({
  from,
  to,
  drawn,
  estimated,
}: {
  from: Mix
  to: Mix
  drawn: Geometry
  estimated: Estimated
}) {
  const { tokens } = useTheme()
  const points = Array.from({ length: WAY_PARTS + 1 }, (_, part) => {
    const weights = from.weights.map(
      (weight, each) => weight + (((to.weights[each] ?? 0) - weight) * part) / WAY_PARTS,
    )
    const { risk, gain } = measure(weights, estimated.estimates)
    return { x: drawn.x.to(risk), y: drawn.y.to(gain) }
  })
  return (
    <polyline
      points={polyline(points)}
      fill="none"
      stroke={tokens.accent}
      strokeWidth={1.5}
      strokeDasharray="1 5"
      strokeLinecap="round"
      pointerEvents="none"
    />
  )
}

/** How far beside the frontier the target is, at equal return. */
function Lift({
  mix,
  target,
  drawn,
  estimated: { frontier },
}: {
  mix: Mix
  target: Point
  drawn: Geometry
  estimated: Estimated
}) {
  const { tokens } = useTheme()
  const on = frontier.at(frontier.placeOfGain(mix.gain))
  if (on.risk >= mix.risk) return null
  return (
    <line
      x1={target.x}
      y1={target.y}
      x2={drawn.x.to(on.risk)}
      y2={drawn.y.to(on.gain)}
      stroke={tokens.warn}
      strokeWidth={1.5}
      strokeDasharray="3 3"
      pointerEvents="none"
    />
  )
}

function TargetLabel({
  target,
  drawn,
  colour,
}: {
  target: Point
  drawn: Geometry
  colour: string
}) {
  const area = placeLabel(
    target,
    textSize('target'),
    drawn.frame,
    drawn.taken,
    drawn.avoided,
    RING_PX,
  )
  if (area === null) return null
  return (
    <text
      className="halo"
      x={area.x + area.width / 2}
      y={area.y + 12}
      textAnchor="middle"
      style={{ fontWeight: 650, fill: colour, pointerEvents: 'none' }}
    >
      target
    </text>
  )
}

const TIP_PX = 208
const TIP_HEIGHT_PX = 220
const LISTED_MAX = 8

function Tip({
  seen: { x, y, title, mix, range },
  currencies,
  width,
  height,
}: {
  seen: Seen
  currencies: readonly string[]
  width: number
  height: number
}) {
  const all = holdings(mix, currencies)
  const toLeft = x + TIP_PX + 24 > width
  return (
    <Box
      aria-hidden
      style={{
        left: toLeft ? Math.max(0, x - TIP_PX - 14) : x + 14,
        top: Math.max(0, Math.min(y + 14, height - TIP_HEIGHT_PX)),
        width: TIP_PX,
      }}
      sx={{
        position: 'absolute',
        zIndex: 2,
        pointerEvents: 'none',
        bgcolor: (t) => t.tokens.raised,
        border: 1,
        borderColor: 'divider',
        borderRadius: '6px',
        p: 2,
        fontSize: 12,
        '& dl': {
          display: 'grid',
          gridTemplateColumns: '1fr auto',
          m: 0,
          columnGap: 3,
          rowGap: 0.5,
        },
        '& dd': { m: 0, textAlign: 'right', fontFamily: (t) => t.numbers },
        '& dt': { color: 'text.secondary' },
        '& .held': { mt: 1.5, pt: 1.5, borderTop: 1, borderColor: 'divider' },
      }}
    >
      <Box sx={{ fontWeight: 650, mb: 1 }}>{title}</Box>
      <dl>
        <dt>risk</dt>
        <dd>{figure(mix.risk)}</dd>
        <dt>return</dt>
        <dd>{figure(mix.gain)}</dd>
        <dt>Sharpe ratio</dt>
        <dd>{ratio(mix)}</dd>
      </dl>
      {range && (
        <Box sx={{ color: 'text.secondary', mt: 1 }}>
          return in 9 of 10 redrawn histories: {figure(range.gain[0])} to {figure(range.gain[1])}
        </Box>
      )}
      <dl className="held">
        {all.slice(0, LISTED_MAX).map(({ name, share }) => (
          <Box key={name} sx={{ display: 'contents' }}>
            <dt>
              <Box component="span" sx={{ color: assetColour(name), mr: 1 }}>
                ■
              </Box>
              {name}
            </dt>
            <dd>{share}</dd>
          </Box>
        ))}
      </dl>
      {all.length > LISTED_MAX && (
        <Box sx={{ color: 'text.secondary' }}>and {all.length - LISTED_MAX} more</Box>
      )}
    </Box>
  )
}
