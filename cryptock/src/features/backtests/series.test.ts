import { describe, expect, it } from 'vitest'
import type { Candles } from '@/shared/api/wire'
import {
  atTimes,
  drawdowns,
  evenTimes,
  exposure,
  freqFor,
  freqText,
  held,
  histogram,
  marks,
  type Point,
  pointsOf,
  rebased,
  returnsOf,
  type Trade,
} from './series'

const DAY = 86_400_000

const trade = (at: number, side: Trade['side'], size: number, price = 100, fee = 0): Trade => ({
  at,
  exchange: 'gdax',
  pair: 'BTC_USD',
  side,
  price,
  size,
  fee,
})

const candles = (closes: number[], first = closes[0] ?? 0): Candles => ({
  freq_s: 60,
  price_digits: 2,
  points: closes.map((close, index) => [
    index * 60,
    close,
    close,
    index ? close : first,
    close,
    1,
    0,
  ]),
})

describe('equity over time', () => {
  it('keeps the last of several values within a second', () => {
    expect(
      pointsOf([
        ['1970-01-01T00:00:01.000000Z', '1'],
        ['1970-01-01T00:00:01.900000Z', '2'],
        ['1970-01-01T00:00:02.000000Z', '3'],
      ]),
    ).toEqual([
      [1000, 2],
      [2000, 3],
    ])
  })

  it('falls from the highest before', () => {
    const points: Point[] = [100, 120, 90, 130].map((value, index) => [index, value])
    expect(drawdowns(points).map(([, value]) => value)).toEqual([0, 0, -0.25, 0])
    expect(rebased(points, 100).map(([, value]) => Math.round(value))).toEqual([100, 120, 90, 130])
    expect(rebased([[0, 0]], 100)).toEqual([])
  })

  it('is drawn at even times, with what was lowest kept', () => {
    const points: Point[] = [
      [0, 0],
      [60_000, -5],
      [90_000, -1],
      [240_000, -2],
    ]
    const times = evenTimes([points], 2)
    expect(times).toEqual([0, 120_000, 240_000])
    expect(atTimes(points, times).map(([, value]) => value)).toEqual([0, -1, -2])
    expect(atTimes(points, times, 'lowest').map(([, value]) => value)).toEqual([0, -5, -2])
    expect(evenTimes([], 5)).toEqual([])
  })

  it('is not drawn before it begins nor after it ends', () => {
    const times = [0, 60_000, 120_000, 180_000, 240_000]
    const short: Point[] = [
      [60_000, 1],
      [120_000, 2],
    ]
    expect(atTimes(short, times)).toEqual([
      [60_000, 1],
      [120_000, 2],
    ])
  })
})

describe('returns', () => {
  it('are of days, or of hours where there are few days', () => {
    const days: Point[] = Array.from({ length: 12 }, (_, index) => [index * DAY, 100 * 2 ** index])
    expect(returnsOf(days)).toEqual({ unit: 'day', values: [0, ...Array<number>(11).fill(1)] })
    const hours = returnsOf([
      [0, 100],
      [1_800_000, 110],
      [3_600_000, 55],
    ])
    expect(hours.unit).toBe('hour')
    expect(hours.values.map((each) => Number(each.toFixed(6)))).toEqual([0.1, -0.5])
  })

  it('are counted in bins that no loss shares with a gain', () => {
    const values = [-0.021, -0.001, 0, 0.001, 0.013, 0.02]
    const bins = histogram(values)
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length)
    expect(bins.some(({ from, to }) => from < -1e-12 && to > 1e-12)).toBe(false)
    expect(histogram([0, 0])).toEqual([])
  })
})

describe('a run beside its markets', () => {
  it('knows what holding in equal parts would have been', () => {
    const curve = held([candles([10, 20], 10), candles([100, 100], 100)], 1000, -1)
    expect(curve).toEqual([
      [-1, 1000],
      [60_000, 1000],
      [120_000, 1500],
    ])
    expect(held([], 1000, 0)).toEqual([])
  })

  it('knows which share of it was in the market', () => {
    const equity: Point[] = [0, 1000, 2000, 3000].map((at) => [at, 1000])
    const trades = [trade(500, 'buy', 5), trade(2500, 'sell', 5)]
    expect(exposure(equity, trades, 'USD', 1000).map(([, value]) => value)).toEqual([
      0.5, 0.5, 0, 0,
    ])
  })

  it('marks all trades of a side within a candle once', () => {
    const found = marks([trade(61_000, 'buy', 1), trade(62_000, 'buy', 2), trade(0, 'sell', 1)], 60)
    expect(found).toEqual([
      { at: 0, side: 'sell', count: 1, size: 1 },
      { at: 60, side: 'buy', count: 2, size: 3 },
    ])
  })

  it.each([
    [300, 3600, 100, 300, '5m'],
    [300, 86_400 * 30, 1500, 1800, '30m'],
    [3600, 86_400 * 365, 1500, 21_600, '6h'],
    [86_400, 86_400 * 1000, 1500, 86_400, '1d'],
    [86_400, 604_800 * 3000, 1500, 1_209_600, '14d'],
    [1, 60, 1500, 1, '1s'],
  ])('asks for candles that fit: %d s over %d s in %d', (base, length, most, seconds, text) => {
    expect(freqFor(base, length, most)).toBe(seconds)
    expect(freqText(seconds)).toBe(text)
  })
})
