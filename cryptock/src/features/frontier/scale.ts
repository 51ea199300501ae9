/** Where things stand in a picture: axes with round ticks, and labels that do not cover each other. */
import { amount } from '@/shared/amount'
import { DASH, grouped } from '@/shared/format'
import type { Range } from './picture'

export interface Scale {
  low: number
  high: number
  /** From a value to a pixel. */
  to: (value: number) => number
}

export function scale(low: number, high: number, from: number, to: number): Scale {
  const perUnit = (to - from) / (high - low || 1)
  return { low, high, to: (value) => from + (value - low) * perUnit }
}

/** Round values between two, about so many. */
export function ticks(low: number, high: number, about: number): number[] {
  if (!(high > low)) return [low]
  const rough = (high - low) / Math.max(1, about)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((each) => each * power >= rough * 0.75) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  // Adding steps up would gather their rounding.
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
}

/** A fraction in %, with no more digits than it takes to tell values apart that are `step` apart. */
export function percent(value: number, step = 0.001): string {
  if (!Number.isFinite(value)) return DASH
  const digits = Math.max(0, Math.ceil(-Math.log10(step * 100) - 1e-9))
  const text = (value * 100).toFixed(Math.min(8, digits))
  if (text.includes('e')) return DASH
  return `${grouped(amount(/^-0(\.0+)?$/.test(text) ? text.slice(1) : text), { min: digits })} %`
}

/** A risk or return, in % per year: large ones without digits that say nothing. */
export const figure = (value: number): string => percent(value, Math.abs(value) < 10 ? 0.001 : 0.01)

/** A difference, with its sign. */
export function signed(value: number, step = 0.001): string {
  const text = percent(value, step)
  return /[1-9]/.test(text) && value > 0 ? `+${text}` : text
}

export interface Extent {
  risk: readonly [number, number]
  gain: readonly [number, number]
}

interface Place {
  risk: number
  gain: number
}

const FAR = 0.6
const MARGIN = 0.06
const BAND = 0.2

/**
 * What a picture shows: all that matters, the cloud, and single currencies if they are not far off.
 *
 * The band adds a little at most: of a short history it is wider than anything else.
 */
export function extent(
  must: readonly Place[],
  cloud: { risks: Float64Array; gains: Float64Array },
  alone: readonly Place[],
  band: readonly Range[],
): Extent {
  const risk = span(
    must.map((each) => each.risk),
    cloud.risks,
    alone.map((each) => each.risk),
  )
  const gain = span(
    must.map((each) => each.gain),
    cloud.gains,
    alone.map((each) => each.gain),
  )
  const room = (gain[1] - gain[0]) * BAND
  const [low, high] = [
    Math.min(...band.map((each) => each.gain[0])),
    Math.max(...band.map((each) => each.gain[1])),
  ]
  // From nothing on, unless what there is lies together far from it.
  const start = risk[0] < risk[1] * FAR ? 0 : risk[0]
  return {
    risk: widen([start, risk[1]], 0.03),
    gain: widen(
      [
        Math.max(gain[0] - room, Math.min(gain[0], low)),
        Math.min(gain[1] + room, Math.max(gain[1], high)),
      ],
      MARGIN,
    ),
  }
}

/** From the least to the largest of the values and nearly all of the crowd; others if they are near. */
function span(values: number[], crowd: Float64Array, others: number[]): [number, number] {
  const sorted = crowd.toSorted()
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? values[0] ?? 0
  const inner = [...values, at(0.002), at(0.998)]
  const [low, high] = [Math.min(...inner), Math.max(...inner)]
  const reach = (high - low) * FAR
  const near = others.filter((value) => value >= low - reach && value <= high + reach)
  return [Math.min(low, ...near), Math.max(high, ...near)]
}

function widen([low, high]: readonly [number, number], by: number): [number, number] {
  const margin = (high - low || Math.abs(high) || 1) * by
  return [low - margin, high + margin]
}

export interface Area {
  x: number
  y: number
  width: number
  height: number
}

const overlap = (a: Area, b: Area): number =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y))

const DIRECTIONS = [
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, -1],
  [-1, -1],
  [1, 1],
  [-1, 1],
] as const
const DISTANCES = [0, 9, 23]

/**
 * Where a label of a size stands beside a point: within the frame, clear of what is taken, and where it can
 * be of what it should not hide; null where there is no room.
 */
export function place(
  point: { x: number; y: number },
  size: { width: number; height: number },
  frame: Area,
  taken: readonly Area[],
  avoided: readonly Area[],
  gap = 9,
): Area | null {
  let best: Area | null = null
  let least = Infinity
  for (const distance of DISTANCES.map((each) => each + gap))
    for (const [right, down] of DIRECTIONS) {
      const near = right !== 0 && down !== 0 ? distance * 0.7 : distance
      const area = {
        x: point.x + right * near + (right === 0 ? -size.width / 2 : right < 0 ? -size.width : 0),
        y: point.y + down * near + (down === 0 ? -size.height / 2 : down < 0 ? -size.height : 0),
        ...size,
      }
      const inside =
        area.x >= frame.x &&
        area.y >= frame.y &&
        area.x + area.width <= frame.x + frame.width &&
        area.y + area.height <= frame.y + frame.height
      if (!inside || taken.some((each) => overlap(area, each) > 0)) continue
      const hidden = avoided.reduce((sum, each) => sum + overlap(area, each), 0)
      const cost = hidden + distance * 2
      if (cost < least) {
        best = area
        least = cost
      }
    }
  return best
}

const LETTER_PX = 6.6

/** About as large as a text of 12 px is drawn. */
export const textSize = (text: string): { width: number; height: number } => ({
  width: Math.ceil(text.length * LETTER_PX) + 6,
  height: 16,
})

const STEPS_S = [
  1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800,
  2_592_000,
]

/** Round times in UTC between two, about so many, each as short as it can be told. */
export function timeTicks(
  lowMs: number,
  highMs: number,
  about: number,
): { at: number; text: string }[] {
  const rough = (highMs - lowMs) / 1000 / Math.max(1, about)
  const step = (STEPS_S.find((each) => each >= rough) ?? 31_536_000) * 1000
  const first = Math.ceil(lowMs / step) * step
  const found = []
  for (let at = first; at <= highMs; at += step) {
    const iso = new Date(at).toISOString()
    const text = step >= 86_400_000 ? iso.slice(0, 10) : iso.slice(11, step >= 60_000 ? 16 : 19)
    found.push({ at, text })
  }
  return found
}
