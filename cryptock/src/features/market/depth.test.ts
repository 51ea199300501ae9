import { describe, expect, it } from 'vitest'
import type { Amount } from '@/shared/amount'
import type { Ticker } from '@/shared/live/market'
import { cumulate, outline, scaleOf } from './depth'
import { between } from './venues'

const levels = (...pairs: [string, string][]) => pairs as unknown as [Amount, Amount][]

describe('depth', () => {
  const bids = cumulate(levels(['100', '0.1'], ['99', '0.2'], ['90', '1']), 2)
  const asks = cumulate(levels(['102', '0.5'], ['103', '0.5']), 2)
  it('sums exactly, as deep as asked', () => {
    expect(bids.map(({ total }) => total)).toEqual(['0.1', '0.3'])
  })
  it('is drawn around the middle', () => {
    const scale = scaleOf(bids, asks)
    expect(scale).toEqual({ middle: 101, reach: 2, most: 1 })
    expect(outline(asks, 'asks', scale ?? { middle: 0, reach: 1, most: 1 }, 100, 50)).toBe(
      'M75.0,50 L75.0,50.0 L75.0,27.0 L100.0,27.0 L100.0,4.0 L100,4.0 L100,50 Z',
    )
  })
  it('is nothing without two sides', () => {
    expect(scaleOf(bids, [])).toBeNull()
    expect(outline([], 'bids', { middle: 1, reach: 1, most: 1 }, 1, 1)).toBe('')
  })
})

describe('between venues', () => {
  const of = (exchange: string, bid: string | null, ask: string | null) =>
    ({ exchange, bid, ask }) as unknown as Ticker
  it('is where to sell dearest and buy cheapest', () => {
    expect(between([of('a', '100', '101'), of('b', '102', '103'), undefined])).toEqual({
      bid: '102',
      bidAt: 'b',
      ask: '101',
      askAt: 'a',
      edge: '99.01',
    })
  })
  it('needs two venues with prices', () => {
    expect(between([of('a', '100', '101'), of('b', null, '103')])).toBeNull()
  })
})
