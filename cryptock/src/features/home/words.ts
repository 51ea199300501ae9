/** A run that is about to be started, in words with amounts. */
import { typedAmount } from '@/shared/amount'
import { duration, grouped } from '@/shared/format'
import {
  type Draft,
  fundsOf,
  type Known,
  LATENCY_MS,
  type Line,
  SLIPPAGE_BPS,
  spansOf,
  textFor,
} from './draft'
import { defaultText, titleOf } from './parameters'
import { dateOf, rangeOf, within } from './period'

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`

/** `25 000 USD and 0.25 BTC of gdax`. */
export function fundsWords(lines: readonly Line[]): string {
  const exchanges = [...new Set(lines.map(({ exchange }) => exchange))]
  return list(
    exchanges.map((exchange) => {
      const amounts = lines
        .filter((line) => line.exchange === exchange)
        .flatMap(({ currency, text }) => {
          const value = typedAmount(text)
          return value === null ? [] : [`${grouped(value)} ${currency}`]
        })
      return `${list(amounts)} of ${exchange}`
    }),
  )
}

/** `5 min` of bars; text that stands after `in bars of`. */
export const barWords = (seconds: number): string => duration(seconds * 1000)

const FILLS = {
  next_open: 'orders trade at the open of the next bar',
  bar_path: 'orders meet the price on its way through each bar',
  book: 'orders meet the recorded order books',
} as const

/** What is going to be done, one sentence. */
export function runWords(draft: Draft, known: Known): string {
  const funds = fundsWords(fundsOf(draft))
  if (draft.mode !== 'backtest')
    return `Run ${draft.strategy} ${draft.mode === 'live' ? 'live' : 'on paper'} with ${funds}.`
  const range = rangeOf(spansOf(draft, known))
  const [start, end] = range === null ? [0, 0] : within(draft.period, range)
  const bars = draft.freqS === null ? '' : ` in bars of ${barWords(draft.freqS)}`
  return `Backtest ${draft.strategy} with ${funds}, on ${duration((end - start) * 1000)} of history from ${dateOf(start)} to ${dateOf(end)}${bars}; ${FILLS[draft.fillModel]}.`
}

/** What differs from the usual: name, value, and what is usual. */
export function changes(
  draft: Draft,
  known: Known,
): [name: string, value: string, usual: string][] {
  const fills: [string, string, string][] =
    draft.mode === 'backtest'
      ? [
          ['Latency', `${draft.latencyMs} ms`, `${LATENCY_MS} ms`],
          ...(draft.fillModel === 'book'
            ? []
            : ([['Slippage', `${draft.slippageBps} bp`, `${SLIPPAGE_BPS} bp`]] as [
                string,
                string,
                string,
              ][])),
        ]
      : []
  const settings = known.parameters.map((parameter): [string, string, string] => {
    const unit = parameter.unit === '' ? '' : ` ${parameter.unit}`
    const shown = (text: string) => (text === '' ? 'empty' : `${text}${unit}`)
    return [titleOf(parameter), shown(textFor(draft, parameter)), shown(defaultText(parameter))]
  })
  return [...settings, ...fills].filter(([, value, usual]) => value !== usual)
}
