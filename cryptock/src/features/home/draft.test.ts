import { beforeEach, describe, expect, it } from 'vitest'
import { amount } from '@/shared/amount'
import type { Parameter, Run } from '@/shared/api/runs'
import type { Exchange, Unallocated } from '@/shared/api/wire'
import { recorded } from '@/testing/service'
import {
  type Draft,
  draftOf,
  emptyDraft,
  faultsOf,
  firstFunds,
  formOf,
  inMode,
  type Known,
  placesFor,
  recall,
  refusedPart,
  remember,
  spansOf,
} from './draft'
import { problemOf, rangeOf as boundsOf, textOf, titleOf, valueOf } from './parameters'
import { DAY_S, dateOf, midnight, periodProblem, rangeOf, storedSpans, within } from './period'
import { changes, fundsWords, runWords } from './words'

const plain = (text: string) => text.replaceAll('\u202f', ' ')

const parameter = (fields: Partial<Parameter>): Parameter => ({
  name: 'size',
  flag: '--size',
  type: 'decimal',
  default: '1',
  unit: '',
  help: '',
  minimum: null,
  maximum: null,
  exclusive: [],
  choices: null,
  ...fields,
})

const known: Known = {
  exchanges: recorded.exchanges as unknown as Exchange[],
  unallocated: recorded.unallocated as unknown as Unallocated,
  history: recorded.storedHistory,
  parameters: recorded.parametersCross as Parameter[],
}
const [first] = known.history?.candles ?? []
if (!first) throw new Error('no history was recorded')
const backtest = inMode(emptyDraft('SmaCross', 'backtest'), 'backtest', known)

describe('parameters', () => {
  it.each<[Partial<Parameter>, string, string]>([
    [{ type: 'integer' }, '5', ''],
    [{ type: 'integer' }, '5.5', 'A whole number.'],
    [{ type: 'integer' }, 'five', 'A whole number.'],
    [{ type: 'number' }, '0.5', ''],
    [{ type: 'decimal' }, '1e3', 'A number, such as 0.5.'],
    [{ minimum: 0 }, '0', ''],
    [{ minimum: 0, exclusive: ['minimum'] }, '0', 'It must be more than 0.'],
    [{ maximum: 100 }, '100', ''],
    [{ maximum: 100, exclusive: ['maximum'] }, '100', 'It must be less than 100.'],
    [{ minimum: 1, maximum: 9 }, '10', 'It must be at least 1 and at most 9.'],
    [{ type: 'string' }, 'anything', ''],
    [{ type: 'string', choices: ['buy', 'sell'] }, 'hold', 'One of buy, sell.'],
    [{ type: 'strings', choices: ['BTC', 'ETH'] }, 'BTC, ETH', ''],
    [{ type: 'strings', choices: ['BTC', 'ETH'] }, 'BTC, XMR', 'One of BTC, ETH.'],
    [{ type: 'boolean' }, 'true', ''],
  ])('with %j take or refuse %j', (fields, text, problem) =>
    expect(problemOf(parameter(fields), text)).toBe(problem),
  )
  it.each<[Parameter['type'], string, unknown]>([
    ['integer', '1 000', 1000],
    ['number', '.5', 0.5],
    ['decimal', '0.10', '0.1'],
    ['boolean', 'false', false],
    ['strings', 'BTC, ETH,', ['BTC', 'ETH']],
    ['string', 'BTC', 'BTC'],
  ])('of type %s are sent for %j as %j', (type, text, value) =>
    expect(valueOf(parameter({ type }), text)).toEqual(value),
  )
  it('are read from what is on the wire, and named', () => {
    expect([textOf(['a', 'b']), textOf(true), textOf(3), textOf('x')]).toEqual([
      'a, b',
      'true',
      '3',
      'x',
    ])
    expect(titleOf(parameter({ name: 'interval_s', unit: 's' }))).toBe('Interval')
    expect(titleOf(parameter({ name: 'risk_free', unit: '%' }))).toBe('Risk free')
    expect(boundsOf(parameter({}))).toBe('')
  })
})

describe('a period', () => {
  const range: [number, number] = [10 * DAY_S, 50 * DAY_S]

  it('stays within the history there is', () => {
    expect(within('all', range)).toEqual(range)
    expect(within({ days: 30 }, range)).toEqual([20 * DAY_S, 50 * DAY_S])
    expect(within({ days: 300 }, range)).toEqual(range)
    expect(within({ start: 0, end: Number.MAX_SAFE_INTEGER }, range)).toEqual(range)
  })
  it('is refused where it is empty or nothing is known', () => {
    expect(periodProblem('all', range)).toBe('')
    expect(periodProblem({ start: 60 * DAY_S, end: 70 * DAY_S }, range)).toMatch(/must end after/)
    expect(periodProblem('all', null)).toMatch(/There is no history/)
  })
  it('has dates of UTC', () => {
    expect(dateOf(0)).toBe('1970-01-01')
    expect(midnight('1970-01-02')).toBe(DAY_S)
    expect(midnight('')).toBeNull()
  })
  it('looks at the pairs of what is funded, and of those at what the settings name', () => {
    const pairs = (draft: Draft) =>
      spansOf(draft, known).map(({ exchange, pair }) => exchange + ':' + pair)
    expect(pairs(backtest)).toEqual(['gdax:BTC_USD'])
    expect(pairs({ ...backtest, values: { base: 'eth' } })).toEqual(['gdax:ETH_USD'])
    expect(pairs({ ...backtest, values: { base: '' } })).toHaveLength(3)
    expect(pairs({ ...backtest, fillModel: 'book' })).toEqual([])
  })
  it('knows recordings by their times, and the shortest bars of each pair', () => {
    const history = {
      source: '',
      total: 1,
      candles: [
        { exchange: 'x', pair: 'BTC_USD', freq_s: 3600, start: 0, end: 9 },
        { exchange: 'x', pair: 'BTC_USD', freq_s: 60, start: 1, end: 8 },
        { exchange: 'x', pair: 'BTC_USD', freq_s: 300, start: 2, end: 7 },
      ],
      recordings: [
        {
          exchange: 'x',
          pair: 'BTC_USD',
          start: '1970-01-01T00:00:01.500000Z',
          end: '1970-01-01T00:01:00.500000Z',
        },
      ],
    }
    expect(storedSpans(history, false)).toEqual([
      { exchange: 'x', pair: 'BTC_USD', start: 1, end: 8, freqS: 60 },
    ])
    expect(rangeOf(storedSpans(history, true))).toEqual([1, 61])
    expect(storedSpans(undefined, true)).toEqual([])
  })
})

describe('a form', () => {
  beforeEach(() => localStorage.clear())

  it('begins with a tenth of the unallocated dollars on paper, and with nothing of real money', () => {
    const paper = placesFor('paper', known)
    expect(firstFunds('paper', paper)).toEqual([
      { exchange: 'gdax', currency: 'USD', text: '97500' },
    ])
    expect(placesFor('live', known)).toEqual([])
    expect(firstFunds('live', paper)).toEqual([])
    expect(firstFunds('paper', [{ exchange: 'x', currency: 'BTC', most: amount('0.5') }])).toEqual([
      { exchange: 'x', currency: 'BTC', text: '0.05' },
    ])
    expect(inMode({ ...backtest, funds: { paper: [] } }, 'paper', known).funds.paper).toHaveLength(
      1,
    )
    expect(backtest.funds.backtest).toEqual([{ exchange: 'gdax', currency: 'USD', text: '10000' }])
  })

  it('says all that has to be set right', () => {
    const paper = inMode(emptyDraft('SmaCross', 'paper'), 'paper', known)
    const where = (draft: Draft) => faultsOf(draft, known).map((fault) => fault.where)
    const funded = (text: string, currency = 'USD') => ({
      ...paper,
      funds: { paper: [{ exchange: 'gdax', currency, text }] },
    })
    expect(where(paper)).toEqual([])
    expect(where(backtest)).toEqual([])
    for (const draft of [
      { ...paper, funds: { paper: [] } },
      funded(''),
      funded('0'),
      funded('975000.01'),
      funded('1', 'DOGE'),
    ])
      expect(where(draft)).toEqual(['funds'])
    expect(where({ ...paper, values: { fast: '0' } })).toEqual(['parameter fast'])
    expect(where({ ...backtest, latencyMs: '0.5' })).toEqual(['fills'])
    expect(where({ ...backtest, latencyMs: '60001' })).toEqual(['fills'])
    expect(where({ ...backtest, slippageBps: '10000' })).toEqual(['fills'])
    expect(where({ ...backtest, fillModel: 'book' })).toEqual(['period'])
    expect(where({ ...paper, latencyMs: 'slow' })).toEqual([])
  })

  it('is sent with what was changed and no more', () => {
    const draft: Draft = {
      ...backtest,
      values: { fast: '5' },
      period: { days: 1 },
      freqS: 3600,
      label: ' mine ',
      slippageBps: '2.5',
    }
    expect(formOf(draft, known)).toEqual({
      mode: 'backtest',
      balances: [{ exchange: 'gdax', base: 'USD', balance: '10000' }],
      params: { fast: 5 },
      label: 'mine',
      start: first.end - DAY_S,
      end: first.end,
      freq: '3600',
      fill_model: 'next_open',
      latency_ms: 5,
      slippage_bps: '2.5',
    })
    expect(formOf({ ...backtest, fillModel: 'book' }, known)).not.toHaveProperty('slippage_bps')
    expect(formOf({ ...backtest, mode: 'live' }, known)).toEqual({
      mode: 'live',
      balances: [],
      params: {},
      confirm: true,
    })
  })

  it('can be that of a run there was', () => {
    const run: Run = {
      ...(recorded.runCross as unknown as Run),
      params: { ...recorded.runCross.params, fast: 7 },
      label: 'mine',
      start: first.start + 60,
      freq_s: 900,
      fill_model: 'bar_path, latency 20 ms, slippage 3 bp',
    }
    const draft = draftOf(run, known.parameters)
    expect(draft).toMatchObject({
      strategy: 'SmaCross',
      mode: 'backtest',
      values: { fast: '7' },
      freqS: 900,
      fillModel: 'bar_path',
      latencyMs: '20',
      slippageBps: '3',
      label: 'mine',
    })
    expect(formOf(draft, known)).toMatchObject({ start: first.start + 60, end: first.end })
    expect(draftOf(recorded.runCross as unknown as Run, known.parameters, 'paper')).toMatchObject({
      mode: 'paper',
      period: 'all',
      slippageBps: '0',
      funds: { paper: [{ exchange: 'gdax', currency: 'USD', text: '10000' }] },
    })
  })

  it('is remembered per strategy', () => {
    expect(recall()).toBeNull()
    remember({ ...backtest, label: 'first' })
    remember({ ...emptyDraft('HodlStrategy', 'paper'), label: 'second' })
    expect(recall()?.label).toBe('second')
    expect(recall('SmaCross')?.label).toBe('first')
    expect(recall('Arbitrage')).toBeNull()
    localStorage.setItem('cryptock.start.SmaCross', '{')
    expect(recall('SmaCross')).toBeNull()
  })

  it.each([
    ['form', '--fast must be at least 1 bars, not 0', 'parameter fast'],
    ['slow', 'too long', 'parameter slow'],
    ['form', 'the balance of USD must be more than 0, not 0', 'funds'],
    ['form', 'fill_model must be one of a, b', 'fills'],
    ['label', 'label must be one printable line', 'label'],
    ['start', 'it must be before the end', 'period'],
    ['form', 'xWrap is away', null],
  ])('shows a refusal of %s (%s) at %s', (field, message, where) =>
    expect(refusedPart({ status: 400, kind: '', message, field }, known.parameters)).toBe(where),
  )

  it('is told in words with amounts', () => {
    const lines = [
      { exchange: 'gdax', currency: 'USD', text: '25000' },
      { exchange: 'gdax', currency: 'BTC', text: '0.25' },
      { exchange: 'mirror', currency: 'ETH', text: '3' },
    ]
    expect(plain(fundsWords(lines))).toBe('25 000 USD and 0.25 BTC of gdax and 3 ETH of mirror')
    const paper: Draft = { ...emptyDraft('SmaCross', 'paper'), funds: { paper: lines.slice(0, 2) } }
    expect(plain(runWords(paper, known))).toBe(
      'Run SmaCross on paper with 25 000 USD and 0.25 BTC of gdax.',
    )
    expect(plain(runWords({ ...backtest, freqS: 3600 }, known))).toBe(
      `Backtest SmaCross with 10 000 USD of gdax, on 3 d of history from ${dateOf(first.start)} to ${dateOf(first.end)} in bars of 1 h; orders trade at the open of the next bar.`,
    )
    expect(
      changes({ ...backtest, values: { fast: '5', base: '' }, latencyMs: '9' }, known),
    ).toEqual([
      ['Base', 'empty', 'BTC'],
      ['Fast', '5 bars', '20 bars'],
      ['Latency', '9 ms', '5 ms'],
    ])
  })
})
