/** Which history a backtest may use, and what of it was chosen. Times are seconds since 1970 UTC. */
import type { History, Parameter } from '@/shared/api/runs'
import { baseOf, quoteOf, wireTime } from '@/shared/format'

export const DAY_S = 86_400

/** All there is, the last days of it, or from one time to another. */
export type Period = 'all' | { days: number } | { start: number; end: number }

export interface Span {
  exchange: string
  pair: string
  start: number
  end: number
  /** Length of its bars; null for recorded books. */
  freqS: number | null
}

/** All history of a kind; of a pair whose bars are kept in several lengths, the shortest ones. */
export function storedSpans(history: History | undefined, recorded: boolean): Span[] {
  if (history === undefined) return []
  if (recorded)
    return history.recordings.map(({ exchange, pair, start, end }) => ({
      exchange,
      pair,
      start: Math.floor(wireTime(start) / 1000),
      end: Math.ceil(wireTime(end) / 1000),
      freqS: null,
    }))
  const spans = new Map<string, Span>()
  for (const { exchange, pair, freq_s, start, end } of history.candles) {
    const known = spans.get(`${exchange}:${pair}`)
    if (known === undefined || known.freqS === null || freq_s < known.freqS)
      spans.set(`${exchange}:${pair}`, { exchange, pair, start, end, freqS: freq_s })
  }
  return [...spans.values()]
}

/** Texts of parameters that name currencies narrow what a run trades. */
export function namedCurrencies(
  parameters: readonly Parameter[],
  textFor: (parameter: Parameter) => string,
): string[] {
  return parameters
    .filter(({ type, choices }) => (type === 'string' || type === 'strings') && choices === null)
    .flatMap((parameter) => textFor(parameter).split(/[,_/\s]+/))
    .map((word) => word.toUpperCase())
}

/**
 * The history that a run with these funds may trade on: the pairs of funded currencies, and of
 * those the ones that its parameters name, if they name any.
 */
export function usedSpans(
  spans: readonly Span[],
  funds: readonly { exchange: string; currency: string }[],
  named: readonly string[],
): Span[] {
  const funded = spans.filter(({ exchange, pair }) =>
    funds.some(
      (line) => line.exchange === exchange && [baseOf(pair), quoteOf(pair)].includes(line.currency),
    ),
  )
  const meant = funded.filter(({ pair }) => named.includes(baseOf(pair)))
  return meant.length > 0 ? meant : funded
}

/** From the first to the last moment that anything is known of. */
export function rangeOf(spans: readonly Span[]): [start: number, end: number] | null {
  if (spans.length === 0) return null
  return [Math.min(...spans.map(({ start }) => start)), Math.max(...spans.map(({ end }) => end))]
}

/** A period as times within what there is. */
export function within(
  period: Period,
  [first, last]: [start: number, end: number],
): [start: number, end: number] {
  if (period === 'all') return [first, last]
  if ('days' in period) return [Math.max(first, last - period.days * DAY_S), last]
  return [Math.max(first, period.start), Math.min(last, period.end)]
}

/** `2026-11-21` of a time. */
export const dateOf = (timeS: number): string => new Date(timeS * 1000).toISOString().slice(0, 10)

/** The midnight UTC at which a date begins; null if it is none. */
export function midnight(date: string): number | null {
  const ms = Date.parse(`${date}T00:00:00Z`)
  return Number.isNaN(ms) ? null : ms / 1000
}

/** Why a period can't be used; empty if it can. */
export function periodProblem(period: Period, range: [number, number] | null): string {
  if (range === null) return 'There is no history of what these funds trade.'
  const [start, end] = within(period, range)
  return start < end ? '' : 'The period must end after it starts, within the history there is.'
}
