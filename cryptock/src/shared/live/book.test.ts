import { describe, expect, it } from 'vitest'
import type { Amount } from '../amount'
import type { BookMessage } from '../api/wire'
import { applyBook, type Book, comparePlain } from './book'

const message = (
  type: 'snapshot' | 'update',
  sequence: number,
  bids: string[][],
  asks: string[][],
): BookMessage => ({
  exchange: 'gdax',
  pair: 'BTC_USD',
  type,
  state: 'live',
  sequence,
  time: '2026-01-01T00:00:00Z',
  bids: bids as unknown as [Amount, Amount][],
  asks: asks as unknown as [Amount, Amount][],
})
const start = applyBook(
  null,
  message(
    'snapshot',
    4,
    [
      ['100.5', '1'],
      ['99', '2'],
    ],
    [
      ['101', '3'],
      ['1000', '1'],
    ],
  ),
) as Book

describe('a book', () => {
  it('changes, gains and loses levels in their order', () => {
    const next = applyBook(
      start,
      message(
        'update',
        5,
        [
          ['100.5', '0.00'],
          ['100', '7'],
          ['9.5', '1'],
          ['99', '2.5'],
        ],
        [['102', '1']],
      ),
    )
    expect(next?.bids).toEqual([
      ['100', '7'],
      ['99', '2.5'],
      ['9.5', '1'],
    ])
    expect(next?.asks).toEqual([
      ['101', '3'],
      ['102', '1'],
      ['1000', '1'],
    ])
  })
  it('ignores what it knows, and is unknown after a gap', () => {
    expect(applyBook(start, message('update', 4, [['1', '1']], []))).toBe(start)
    expect(applyBook(start, message('update', 6, [], []))).toBeNull()
    expect(applyBook(null, message('update', 5, [], []))).toBeNull()
  })
  it('does not mind that a level is gone already', () => {
    expect(applyBook(start, message('update', 5, [['98', '0']], []))?.bids).toEqual(start.bids)
  })
  it.each([
    ['9', '10', -1],
    ['10.5', '10', 1],
    ['10', '10', 0],
    ['0.01', '0.1', -1],
  ])('compares %s with %s', (a, b, sign) => {
    expect(Math.sign(comparePlain(a, b))).toBe(sign)
  })
})
