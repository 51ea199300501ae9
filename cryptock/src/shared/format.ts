/** Amounts and times as a person reads them. */
import { type Amount, amount, isZero, negate, rounded, sign } from './amount'

const THIN = '\u202f' // a narrow space that does not break
export const DASH = '–'

/** `25000.5` as `25 000.5`, at most or exactly so many digits after the point. */
export function grouped(value: Amount, digits?: { max?: number; min?: number }): string {
  const short = digits?.max === undefined ? value : rounded(value, digits.max)
  const negative = sign(short) < 0
  const [whole = '0', fraction = ''] = (negative ? negate(short) : short).split('.')
  const padded = fraction.padEnd(digits?.min ?? 0, '0')
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, THIN)
  return (negative ? '−' : '') + groups + (padded ? `.${padded}` : '')
}

/** Dollars to the cent. */
export const dollars = (value: Amount): string => grouped(value, { max: 2, min: 2 })

/** A gain or loss, told by sign and arrow and not by colour alone. */
export function change(value: Amount, digits = 2): string {
  if (isZero(value)) return DASH
  const up = sign(value) > 0
  return `${up ? '▲ +' : '▼ '}${grouped(value, { max: digits, min: digits })}`
}

/** Digits after the point of an increment such as `0.01`. */
export const digitsOf = (step: Amount): number => step.split('.')[1]?.length ?? 0

const UNITS: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
]

/** A length of time in one unit: `12 ms`, `3 s`, `5 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  const [length, name] = UNITS.find(([seconds]) => ms >= seconds * 1000) ?? [1, 's']
  return `${Math.floor(ms / (length * 1000))} ${name}`
}

/** How long ago, to the second at best. */
export function ago(atMs: number, nowMs: number): string {
  const passed = nowMs - atMs
  return passed < 1000 ? 'now' : `${duration(passed)} ago`
}

/** `2026-11-21 04:40:46 UTC`. */
export function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** Milliseconds since 1970 of a time on the wire, which has microseconds. */
export const wireTime = (iso: string): number => Date.parse(iso)

/** `BTC_USD` as `BTC/USD`. */
export const pairName = (pair: string): string => pair.replace('_', '/')

export const baseOf = (pair: string): string => pair.split('_')[0] ?? pair
export const quoteOf = (pair: string): string => pair.split('_')[1] ?? pair

/** `1 order`, `3 orders`. */
export const count = (n: number, one: string): string =>
  `${grouped(amount(String(n)))} ${one}${n === 1 ? '' : 's'}`
