import { describe, expect, it } from 'vitest'
import { amount } from './amount'
import {
  ago,
  baseOf,
  change,
  count,
  digitsOf,
  dollars,
  duration,
  grouped,
  pairName,
  quoteOf,
  utc,
  wireTime,
} from './format'

const plain = (text: string) => text.replaceAll('\u202f', ' ')

describe('formats', () => {
  it.each([
    ['0', '0'],
    ['999', '999'],
    ['1000', '1 000'],
    ['-1234567.891', '−1 234 567.891'],
    ['0.00000001', '0.00000001'],
  ])('groups %s as %s', (text, shown) => expect(plain(grouped(amount(text)))).toBe(shown))
  it('keeps cents in place', () => {
    expect(plain(dollars(amount('1234.5')))).toBe('1 234.50')
    expect(dollars(amount('-0.001'))).toBe('0.00')
  })
  it('tells gain from loss without colour, and nothing by a dash', () => {
    expect(change(amount('1.825'))).toBe('▲ +1.82')
    expect(change(amount('-1.5'))).toBe('▼ −1.50')
    expect(change(amount('0.00'))).toBe('–')
  })
  it.each([
    [12, '12 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [61_000, '1 min'],
    [7_300_000, '2 h'],
    [200_000_000, '2 d'],
    [-5, '0 ms'],
  ])('tells %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text))
  it('tells when', () => {
    const at = wireTime('2026-11-21T04:40:46.616346Z')
    expect(utc(at)).toBe('2026-11-21 04:40:46 UTC')
    expect(ago(at, at + 400)).toBe('now')
    expect(ago(at, at + 90_000)).toBe('1 min ago')
  })
  it('names pairs and counts', () => {
    expect(pairName('BTC_USD')).toBe('BTC/USD')
    expect([baseOf('BTC_USD'), quoteOf('BTC_USD')]).toEqual(['BTC', 'USD'])
    expect([count(1, 'order'), plain(count(1200, 'order'))]).toEqual(['1 order', '1 200 orders'])
    expect([digitsOf(amount('0.01')), digitsOf(amount('1'))]).toEqual([2, 0])
  })
})
