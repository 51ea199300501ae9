/** Equity over time, as it is drawn: numbers, of which none is money that moves. */
import { baseOf, quoteOf } from '@/shared/format'
import type { Candles } from '@/shared/api/wire'
import type { Market } from './api'

/** A time in ms since 1970 and a value. */
export type Point = readonly [at: number, value: number]

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** Points of a table of equity, in order; of equal times the last. */
export function pointsOf(rows: readonly (readonly string[])[]): Point[] {
  const points: Point[] = []
  for (const [time = '', value = ''] of rows) {
    const point: Point = [Math.floor(Date.parse(time) / 1000) * 1000, Number(value)]
    if (points.at(-1)?.[0] === point[0]) points[points.length - 1] = point
    else points.push(point)
  }
  return points
}

/** How far each point is below the highest before it: 0 to −1. */
export function drawdowns(points: readonly Point[]): Point[] {
  let peak = 0
  return points.map(([at, value]) => {
    peak = Math.max(peak, value)
    return [at, peak > 0 ? value / peak - 1 : 0]
  })
}

/** The same way from another beginning. */
export function rebased(points: readonly Point[], start: number): Point[] {
  const first = points[0]?.[1]
  return first ? points.map(([at, value]) => [at, (value / first) * start]) : []
}

/** Times in even steps over all curves: where a chart has one place per time, they keep it true to time. */
export function evenTimes(curves: readonly (readonly Point[])[], most: number): number[] {
  const starts = curves.flatMap((points) => points[0]?.[0] ?? [])
  const ends = curves.flatMap((points) => points.at(-1)?.[0] ?? [])
  if (starts.length === 0) return []
  const [start, end] = [Math.min(...starts), Math.max(...ends)]
  const steps = Math.max(1, Math.min(most, Math.round((end - start) / 60_000)))
  const times = Array.from(
    { length: steps + 1 },
    (_, index) => Math.round((start + ((end - start) * index) / steps) / 1000) * 1000,
  )
  return [...new Set(times)]
}

/** What a curve was at each time, as far as it goes: the last value of each step, or the lowest. */
export function atTimes(
  points: readonly Point[],
  times: readonly number[],
  keep: 'last' | 'lowest' = 'last',
): Point[] {
  const found: Point[] = []
  const [start = Infinity, end = -Infinity] = [points[0]?.[0], points.at(-1)?.[0]]
  let next = 0
  let value = 0
  for (const at of times) {
    let fresh = false
    for (let point = points[next]; point && point[0] <= at; point = points[++next]) {
      value = fresh && keep === 'lowest' ? Math.min(value, point[1]) : point[1]
      fresh = true
    }
    const step = times[1] === undefined ? 0 : times[1] - (times[0] ?? 0)
    if (at >= start && at < end + step) found.push([at, value])
  }
  return found
}

export interface Returns {
  /** Of each one. */
  unit: 'day' | 'hour'
  values: number[]
}

/** Returns of each day, or where there are few days of each hour. */
export function returnsOf(points: readonly Point[]): Returns {
  const days = stepped(points, DAY_MS)
  return days.length >= 10
    ? { unit: 'day', values: days }
    : { unit: 'hour', values: stepped(points, HOUR_MS) }
}

function stepped(points: readonly Point[], stepMs: number): number[] {
  const returns: number[] = []
  let [before, last] = [points[0]?.[1] ?? 0, points[0]?.[1] ?? 0]
  let step = Math.floor((points[0]?.[0] ?? 0) / stepMs)
  for (const [at, value] of points) {
    const next = Math.floor(at / stepMs)
    if (next !== step) {
      if (before > 0) returns.push(last / before - 1)
      before = last
      step = next
    }
    last = value
  }
  if (before > 0 && points.length > 1) returns.push(last / before - 1)
  return returns
}

export interface Bin {
  from: number
  to: number
  count: number
}

const BINS_MAX = 31

/** How often returns were where; zero is an edge between two bins. */
export function histogram(values: readonly number[]): Bin[] {
  const largest = Math.max(0, ...values.map(Math.abs))
  if (largest === 0) return []
  const wanted = Math.min(BINS_MAX, Math.max(8, Math.ceil(2 * Math.sqrt(values.length))))
  const width = niceStep((Math.max(0, ...values) - Math.min(0, ...values)) / wanted)
  const place = (value: number) => Math.floor(value / width)
  const low = place(Math.min(...values, 0))
  const high = place(Math.max(...values, 0))
  const bins = Array.from({ length: high - low + 1 }, (_, index) => ({
    from: (low + index) * width,
    to: (low + index + 1) * width,
    count: 0,
  }))
  for (const value of values) {
    const bin = bins[place(value) - low]
    if (bin) bin.count += 1
  }
  return bins
}

function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 2.5, 5, 10].find((each) => each * power >= least) ?? 10)
}

/** `BTC_USD on gdax`. */
export function marketOf(text: string): Market {
  const [pair = '', exchange = ''] = text.split(' on ')
  return { pair, exchange }
}

/** What the equity would be, had it been held in equal parts of what was traded from the first price on. */
export function held(candles: readonly Candles[], initial: number, startMs: number): Point[] {
  const ratios = new Map<number, { sum: number; count: number }>()
  for (const { points, freq_s } of candles) {
    const first = points[0]?.[3]
    if (!first) continue
    for (const [time, , , , close] of points) {
      const at = (time + freq_s) * 1000
      const known = ratios.get(at) ?? { sum: 0, count: 0 }
      ratios.set(at, { sum: known.sum + close / first, count: known.count + 1 })
    }
  }
  const all = candles.filter(({ points }) => points.length > 0).length
  const ways = [...ratios].filter(([, { count }]) => count === all).sort(([a], [b]) => a - b)
  if (ways.length === 0) return []
  return [
    [startMs, initial],
    ...ways.map(([at, { sum, count }]): Point => [at, (initial * sum) / count]),
  ]
}

export interface Trade {
  at: number
  exchange: string
  pair: string
  side: 'buy' | 'sell'
  price: number
  size: number
  fee: number
}

export function tradesOf(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): Trade[] {
  const place = new Map(columns.map((name, index) => [name, index]))
  return rows.map((row) => {
    const text = (name: string) => row[place.get(name) ?? -1] ?? ''
    return {
      at: Date.parse(text('time')),
      exchange: text('exchange'),
      pair: text('pair'),
      side: text('side') as Trade['side'],
      price: Number(text('price')),
      size: Number(text('size')),
      fee: Number(text('fee')),
    }
  })
}

/** The share of the equity that is not in the currency it is counted in: 0 to 1. */
export function exposure(
  equity: readonly Point[],
  trades: readonly Trade[],
  currency: string,
  start: number,
): Point[] {
  let cash = start
  let next = 0
  return equity.map(([at, worth]) => {
    for (let trade = trades[next]; trade && trade.at <= at + 999; trade = trades[++next]) {
      const sign = trade.side === 'buy' ? 1 : -1
      if (quoteOf(trade.pair) === currency) cash -= sign * trade.price * trade.size + trade.fee
      else if (baseOf(trade.pair) === currency) cash += sign * trade.size
    }
    return [at, worth > 0 ? Math.min(1, Math.max(0, 1 - cash / worth)) : 0]
  })
}

const FREQS_S = [60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800]

/** The shortest usual length of candles, a multiple of what there is, of which no more than so many are in a time. */
export function freqFor(baseS: number, lengthS: number, most: number): number {
  const fits = (freq: number) => freq % baseS === 0 && lengthS / freq <= most
  return [baseS, ...FREQS_S].find(fits) ?? baseS * Math.ceil(lengthS / baseS / most)
}

/** `300` as `5m`. */
export function freqText(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'm'],
  ] as const
  const [length, name] = units.find(([each]) => seconds % each === 0) ?? [1, 's']
  return `${seconds / length}${name}`
}

export interface Mark {
  at: number
  side: 'buy' | 'sell'
  count: number
  size: number
}

/** One mark for all trades of a side within a candle. */
export function marks(trades: readonly Trade[], freqS: number): Mark[] {
  const found = new Map<string, Mark>()
  for (const { at, side, size } of trades) {
    const candle = Math.floor(at / 1000 / freqS) * freqS
    const known = found.get(`${candle} ${side}`)
    if (known) {
      known.count += 1
      known.size += size
    } else found.set(`${candle} ${side}`, { at: candle, side, count: 1, size })
  }
  return [...found.values()].sort((a, b) => a.at - b.at)
}
