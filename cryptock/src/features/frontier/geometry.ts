/** A frontier laid out in a box of pixels. */
import type { Course, Estimated, Range } from './picture'
import type { Mix } from './portfolio'
import { type Area, extent, place, type Scale, scale, textSize, ticks } from './scale'

export interface Point {
  x: number
  y: number
}

export interface Mark extends Point {
  name: string
  kind: 'asset' | 'minimum' | 'maximum' | 'now'
  mix: Mix
  label: Area | null
  /** Which way it lies where it does not fit in. */
  beyond: '' | '←' | '→' | '↑' | '↓'
}

export interface Geometry {
  frame: Area
  x: Scale
  y: Scale
  xTicks: number[]
  yTicks: number[]
  /** The frontier, finely, with the place of each point on it. */
  line: (Point & { place: number })[]
  /** Where the points are that can be chosen. */
  points: Point[]
  band: Point[]
  marks: Mark[]
  /** What labels may not cover. */
  taken: Area[]
  /** What labels should not cover. */
  avoided: Area[]
}

const PARTS = 8
const MARK_PX = 10
/** Clear of the ring of a target that stands at the same point. */
export const RING_PX = 15

export const MARGINS = { left: 62, right: 14, top: 28, bottom: 46 }

const around = ({ x, y }: Point, px = MARK_PX): Area => ({
  x: x - px / 2,
  y: y - px / 2,
  width: px,
  height: px,
})

export function layOut(
  { currencies, frontier, cloud, alone, minimumVariance, maximumSharpe }: Estimated,
  path: Course['path'],
  band: readonly Range[],
  width: number,
  height: number,
): Geometry {
  const frame = {
    x: MARGINS.left,
    y: MARGINS.top,
    width: Math.max(1, width - MARGINS.left - MARGINS.right),
    height: Math.max(1, height - MARGINS.top - MARGINS.bottom),
  }
  const { risk, gain } = extent([...frontier.points, ...path], cloud, alone, band)
  const x = scale(...risk, frame.x, frame.x + frame.width)
  const y = scale(...gain, frame.y + frame.height, frame.y)
  const to = (mix: { risk: number; gain: number }): Point => ({
    x: x.to(mix.risk),
    y: y.to(mix.gain),
  })
  const line = Array.from({ length: frontier.last * PARTS + 1 }, (_, index) => ({
    ...to(frontier.at(index / PARTS)),
    place: index / PARTS,
  }))
  const now = path.at(-1)
  const named: Pick<Mark, 'name' | 'kind' | 'mix'>[] = [
    ...(now ? [{ name: 'now', kind: 'now' as const, mix: now }] : []),
    ...(maximumSharpe
      ? [{ name: 'max Sharpe', kind: 'maximum' as const, mix: maximumSharpe }]
      : []),
    ...(minimumVariance
      ? [{ name: 'min variance', kind: 'minimum' as const, mix: minimumVariance }]
      : []),
    ...alone.map((mix, index) => ({ name: currencies[index] ?? '', kind: 'asset' as const, mix })),
  ]
  const unlabelled = named.map((each) => {
    const { risk: at, gain: level } = each.mix
    const beyond =
      at > x.high
        ? ('→' as const)
        : at < x.low
          ? ('←' as const)
          : level > y.high
            ? ('↑' as const)
            : level < y.low
              ? ('↓' as const)
              : ('' as const)
    const inside = to({
      risk: Math.min(x.high, Math.max(x.low, at)),
      gain: Math.min(y.high, Math.max(y.low, level)),
    })
    return { ...each, ...inside, beyond }
  })
  const taken = unlabelled.map((mark) => around(mark))
  const avoided = line.map((point) => around(point, 6))
  const marks = unlabelled.map((mark): Mark => {
    const label = place(
      mark,
      textSize(textOf(mark)),
      frame,
      taken,
      avoided,
      mark.kind === 'asset' ? undefined : RING_PX,
    )
    if (label !== null) taken.push(label)
    return { ...mark, label }
  })
  return {
    frame,
    x,
    y,
    xTicks: ticks(x.low, x.high, frame.width / 90),
    yTicks: ticks(y.low, y.high, frame.height / 56),
    line,
    points: frontier.points.map(to),
    band:
      band.length === frontier.points.length
        ? [
            ...band.map((each) => to({ risk: each.risk[0], gain: each.gain[1] })),
            ...band.map((each) => to({ risk: each.risk[1], gain: each.gain[0] })).toReversed(),
          ]
        : [],
    marks,
    taken,
    avoided,
  }
}

export const textOf = ({ name, beyond }: Pick<Mark, 'name' | 'beyond'>): string =>
  beyond ? `${name} ${beyond}` : name

/** The place on the frontier that is drawn nearest to a point, and how far it is, in px. */
export function nearest(line: Geometry['line'], { x, y }: Point): { place: number; px: number } {
  let best = {
    place: line[0]?.place ?? 0,
    px: Math.hypot(x - (line[0]?.x ?? 0), y - (line[0]?.y ?? 0)),
  }
  for (let index = 1; index < line.length; index += 1) {
    const [a, b] = [line[index - 1], line[index]]
    if (a === undefined || b === undefined) continue
    const [dx, dy] = [b.x - a.x, b.y - a.y]
    const square = dx * dx + dy * dy
    const share =
      square > 0 ? Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / square)) : 0
    const px = Math.hypot(x - a.x - share * dx, y - a.y - share * dy)
    if (px < best.px) best = { place: a.place + share * (b.place - a.place), px }
  }
  return best
}

export const polyline = (points: readonly Point[]): string =>
  points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
