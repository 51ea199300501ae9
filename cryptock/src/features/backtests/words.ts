/** Numbers and settings of backtests as a person reads them. */
import { type Amount, isZero } from '@/shared/amount'
import { DASH, duration, grouped } from '@/shared/format'

const group = (text: string): string => text.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')

/** A plain figure: `−1.25`. */
export function figure(value: number, digits = 2): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(digits).split('.')
  const text = group(whole) + (fraction === undefined ? '' : `.${fraction}`)
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text
}

/** A fraction in percent: `12.50 %`. */
export const percent = (fraction: number, digits = 2): string =>
  `${figure(fraction * 100, digits)} %`

/** A gain or a loss in percent, always with its sign. */
export function gain(fraction: number, digits = 2): string {
  const text = percent(fraction, digits)
  return fraction > 0 && /[1-9]/.test(text) ? `+${text}` : text
}

/** Amounts by currency: `711.41 USD`. */
export function money(amounts: Record<string, Amount>): string {
  const texts = Object.entries(amounts)
    .filter(([, each]) => !isZero(each))
    .map(([currency, each]) => `${grouped(each, { max: 2, min: 2 })} ${currency}`)
  return texts.join(', ') || DASH
}

/** `2026-11-18`. */
export const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** `2026-11-18 06:35`. */
export const minute = (ms: number): string =>
  new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

export const period = (startMs: number, endMs: number): string => `${day(startMs)} to ${day(endMs)}`

/** `3 d`, or `2.5 d` of a few. */
export function length(seconds: number): string {
  const days = seconds / 86_400
  return days >= 1 && days < 10 ? `${figure(days, 1)} d` : duration(seconds * 1000)
}

/** A parameter's value as text. */
export function setting(value: unknown): string {
  if (value === undefined || value === null) return DASH
  if (Array.isArray(value)) return value.map(String).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const MODELS: Record<string, string> = {
  next_open: 'Orders are filled at the opening price of the next candle',
  bar_path:
    'Orders are filled along a path through each candle: open, the nearer of high and low, the other, close',
  book: 'Orders are filled from the recorded order book, as deep as it was',
}

/** How orders were filled, in a sentence. */
export function fillModel(text: string | null): string {
  if (text === null) return 'Orders were filled by the paper engine, from the live order book.'
  const [model = '', ...rest] = text.split(', ')
  return `${[MODELS[model] ?? model, ...rest].join('; ')}.`
}
