/** The form of a run as it is being filled in, and what becomes of it. */
import { type Amount, amount, compare, portion, sign, typedAmount } from '@/shared/amount'
import type { Problem } from '@/shared/api/problem'
import type { History, Parameter, Run, RunMode, StartForm } from '@/shared/api/runs'
import type { Exchange, Unallocated } from '@/shared/api/wire'
import { baseOf, quoteOf } from '@/shared/format'
import { defaultText, problemOf, textOf, titleOf, valueOf } from './parameters'
import {
  namedCurrencies,
  type Period,
  periodProblem,
  rangeOf,
  type Span,
  storedSpans,
  usedSpans,
  within,
} from './period'

export type FillModel = 'next_open' | 'bar_path' | 'book'

export interface Line {
  exchange: string
  currency: string
  text: string
}

export interface Draft {
  strategy: string
  mode: RunMode
  /** What was typed for parameters, by name; all others have their defaults. */
  values: Record<string, string>
  funds: Partial<Record<RunMode, Line[]>>
  period: Period
  /** Length of the bars in seconds; null is as they are stored. */
  freqS: number | null
  fillModel: FillModel
  latencyMs: string
  slippageBps: string
  label: string
}

/** What the services know that a form is checked against. */
export interface Known {
  exchanges: readonly Exchange[]
  unallocated: Unallocated | undefined
  history: History | undefined
  parameters: readonly Parameter[]
}

/** Where funds may come from: at most so much of them, except for a backtest. */
export interface Place {
  exchange: string
  currency: string
  most?: Amount
}

export const LATENCY_MS = '5'
const LATENCY_MS_MAX = 60_000
export const SLIPPAGE_BPS = '0'
const BACKTEST_FUNDS = '10000'

export function placesFor(mode: RunMode, { exchanges, unallocated, history }: Known): Place[] {
  if (mode !== 'backtest')
    return exchanges
      .filter((each) => each.mode === mode)
      .flatMap(({ exchange }) =>
        Object.values(unallocated?.[exchange] ?? {}).map(({ currency, available }) => ({
          exchange,
          currency,
          most: available,
        })),
      )
  const found = new Map<string, Place>()
  for (const { exchange, pair } of [...(history?.candles ?? []), ...(history?.recordings ?? [])])
    for (const currency of [quoteOf(pair), baseOf(pair)])
      found.set(`${exchange}:${currency}`, { exchange, currency })
  return [...found.values()]
}

/** What a form begins with: all virtual for a backtest, a tenth on paper, nothing of what is real. */
export function firstFunds(mode: RunMode, places: readonly Place[]): Line[] {
  const usable = places.filter(({ most }) => most === undefined || sign(most) > 0)
  const place = usable.find(({ currency }) => currency === 'USD') ?? usable[0]
  if (place === undefined || mode === 'live') return []
  const { exchange, currency, most } = place
  const tenth = most && portion(most, 100, amount(compare(most, amount('100')) < 0 ? '0.001' : '1'))
  return [{ exchange, currency, text: tenth ?? BACKTEST_FUNDS }]
}

export const fundsOf = (draft: Draft): Line[] => draft.funds[draft.mode] ?? []

/** A draft in a mode, with first funds where that mode has none yet. */
export const inMode = (draft: Draft, mode: RunMode, known: Known): Draft => ({
  ...draft,
  mode,
  funds: draft.funds[mode]?.length
    ? draft.funds
    : { ...draft.funds, [mode]: firstFunds(mode, placesFor(mode, known)) },
})

export const emptyDraft = (strategy: string, mode: RunMode): Draft => ({
  strategy,
  mode,
  values: {},
  funds: {},
  period: 'all',
  freqS: null,
  fillModel: 'next_open',
  latencyMs: LATENCY_MS,
  slippageBps: SLIPPAGE_BPS,
  label: '',
})

const FILLS = /^(next_open|bar_path|book), latency (\S+) ms, (?:slippage (\S+) bp|no slippage)$/

/** The form of a run that there was, to run the same again; in another mode if that is wanted. */
export function draftOf(
  run: Run,
  parameters: readonly Parameter[],
  mode: RunMode = run.mode,
): Draft {
  const [, model, latency, slippage] = FILLS.exec(run.fill_model ?? '') ?? []
  const lines = run.balances.map(({ exchange, base, balance }) => ({
    exchange,
    currency: base,
    text: balance,
  }))
  return {
    ...emptyDraft(run.strategy, mode),
    values: Object.fromEntries(
      parameters.flatMap((parameter) => {
        const text = textOf(run.params[parameter.name] ?? parameter.default)
        return text === defaultText(parameter) ? [] : [[parameter.name, text]]
      }),
    ),
    funds: { [mode]: lines },
    // Where only one end was given, the other is that of what there is.
    period:
      run.start === null && run.end === null
        ? 'all'
        : { start: run.start ?? 0, end: run.end ?? Number.MAX_SAFE_INTEGER },
    freqS: run.freq_s ?? null,
    fillModel: (model as FillModel | undefined) ?? 'next_open',
    latencyMs: latency ?? LATENCY_MS,
    slippageBps: slippage ?? SLIPPAGE_BPS,
    label: run.label,
  }
}

const REMEMBERED = 'cryptock.start'

/** The last form of a strategy, of the last strategy without one. */
export function recall(strategy?: string): Draft | null {
  const name = strategy ?? localStorage.getItem(REMEMBERED)
  const text = name === null ? null : localStorage.getItem(`${REMEMBERED}.${name}`)
  if (name === null || text === null) return null
  try {
    return { ...emptyDraft(name, 'paper'), ...(JSON.parse(text) as Partial<Draft>) }
  } catch {
    return null
  }
}

export function remember(draft: Draft): void {
  localStorage.setItem(REMEMBERED, draft.strategy)
  localStorage.setItem(`${REMEMBERED}.${draft.strategy}`, JSON.stringify(draft))
}

export const textFor = (draft: Draft, parameter: Parameter): string =>
  draft.values[parameter.name] ?? defaultText(parameter)

/** The history that the run would be on. */
export function spansOf(draft: Draft, known: Known): Span[] {
  return usedSpans(
    storedSpans(known.history, draft.fillModel === 'book'),
    fundsOf(draft),
    namedCurrencies(known.parameters, (parameter) => textFor(draft, parameter)),
  )
}

/** Where in the form something is to be set right. */
export type Where = 'funds' | 'period' | 'fills' | 'label' | `parameter ${string}`

export interface Fault {
  where: Where
  what: string
}

function fundsFaults(draft: Draft, known: Known): string[] {
  const lines = fundsOf(draft)
  if (lines.length === 0) return ['Give it some funds.']
  const places = placesFor(draft.mode, known)
  return lines.flatMap(({ exchange, currency, text }) => {
    const place = places.find((each) => each.exchange === exchange && each.currency === currency)
    const value = typedAmount(text)
    if (place === undefined) return [`There is no ${currency} on ${exchange} for this mode.`]
    if (value === null || sign(value) <= 0) return [`Say how much ${currency} on ${exchange}.`]
    return place.most !== undefined && compare(value, place.most) > 0
      ? [`There is less ${currency} on ${exchange} than that.`]
      : []
  })
}

function fillsFaults({ latencyMs, slippageBps, fillModel }: Draft): string[] {
  const latency = typedAmount(latencyMs)
  const slippage = typedAmount(slippageBps)
  const within60s =
    latency !== null &&
    !latency.includes('.') &&
    sign(latency) >= 0 &&
    Number(latency) <= LATENCY_MS_MAX
  const below100 =
    slippage !== null && sign(slippage) >= 0 && compare(slippage, amount('10000')) < 0
  return [
    ...(within60s ? [] : ['The latency is a whole number from 0 to 60 000 ms.']),
    ...(below100 || fillModel === 'book' ? [] : ['The slippage is from 0 to below 10 000 bp.']),
  ]
}

/** All that has to be set right before the run can be started. */
export function faultsOf(draft: Draft, known: Known): Fault[] {
  const faults = (where: Where, words: string[]): Fault[] =>
    words.filter(Boolean).map((what) => ({ where, what }))
  return [
    ...faults('funds', fundsFaults(draft, known)),
    ...known.parameters.flatMap((parameter) => {
      const problem = problemOf(parameter, textFor(draft, parameter))
      return faults(
        `parameter ${parameter.name}`,
        problem ? [`${titleOf(parameter)}: ${problem}`] : [],
      )
    }),
    ...(draft.mode === 'backtest'
      ? [
          ...faults('period', [periodProblem(draft.period, rangeOf(spansOf(draft, known)))]),
          ...faults('fills', fillsFaults(draft)),
        ]
      : []),
  ]
}

/** What is sent to start a run of a draft without faults. */
export function formOf(draft: Draft, known: Known): Omit<StartForm, 'request_id'> {
  const { mode, label, period, freqS, fillModel } = draft
  const range = rangeOf(spansOf(draft, known))
  const [start, end] = range === null ? [0, 0] : within(period, range)
  return {
    mode,
    balances: fundsOf(draft).flatMap(({ exchange, currency, text }) => {
      const balance = typedAmount(text)
      return balance === null ? [] : [{ exchange, base: currency, balance }]
    }),
    params: Object.fromEntries(
      known.parameters
        .filter((parameter) => parameter.name in draft.values)
        .map((parameter) => [parameter.name, valueOf(parameter, textFor(draft, parameter))]),
    ),
    ...(label.trim() !== '' && { label: label.trim() }),
    ...(mode === 'live' && { confirm: true }),
    ...(mode === 'backtest' && {
      ...(period !== 'all' && { start, end }),
      ...(freqS !== null && { freq: String(freqS) }),
      fill_model: fillModel,
      latency_ms: Number(typedAmount(draft.latencyMs)),
      ...(fillModel !== 'book' && { slippage_bps: typedAmount(draft.slippageBps) ?? amount('0') }),
    }),
  }
}

/** Which part of the form the service has refused; null if it does not say. */
export function refusedPart(
  { field = '', message }: Problem,
  parameters: readonly Parameter[],
): Where | null {
  const flagged = /--([\w-]+)/.exec(message)?.[1]
  const parameter = parameters.find(
    ({ name, flag }) => name === field || flag === `--${flagged ?? ''}`,
  )
  if (parameter) return `parameter ${parameter.name}`
  const told = `${field} ${message}`
  if (/\blabel\b/.test(told)) return 'label'
  if (/fill_model|latency_ms|slippage_bps|freq/.test(told)) return 'fills'
  if (/\bbalance/.test(told)) return 'funds'
  return /\b(start|end)\b/.test(field) ? 'period' : null
}
