/** What Cryptick sends, as far as the page reads it: see its `/openapi.json`. Amounts are text. */
import type { Amount } from '../amount'

export type RunMode = 'backtest' | 'paper' | 'live'
export type RunState = 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'failed'

export interface Runnable {
  name: string
  description: string
  /** How many it has. */
  parameters: number
}

export interface Parameter {
  name: string
  flag: string
  /** `decimal` is text. */
  type: 'string' | 'integer' | 'number' | 'decimal' | 'boolean' | 'strings'
  default: unknown
  unit: string
  help: string
  minimum: number | null
  maximum: number | null
  /** Which bounds can't be reached. */
  exclusive: ('minimum' | 'maximum')[]
  choices: string[] | null
}

export interface Funding {
  exchange: string
  base: string
  balance: Amount
}

export interface StartForm {
  mode: RunMode
  balances: Funding[]
  /** Of a backtest, in seconds since 1970. */
  start?: number
  end?: number
  params?: Record<string, unknown>
  freq?: string
  fill_model?: string
  latency_ms?: number
  slippage_bps?: Amount
  label?: string
  confirm?: boolean
  /** The same one again starts nothing more. */
  request_id: string
}

/** What is told of every run. */
export interface RunSummary {
  run_id: string
  strategy: string
  mode: RunMode
  state: RunState
  running: boolean
  label: string
  started_at: string
  ended_at?: string
  /** Missing of runs that were started from a command line. */
  started_by?: string
  balances: Funding[]
  wallet_set_id: number | null
  source?: string
  fill_model: string | null
  orders?: number
  trades?: number
  currency?: string
  initial_equity?: Amount
  equity?: Amount | null
  progress?: number | null
  error?: string | null
  /** What keeps it from going on as usual. */
  detail?: string | null
  fees_paid?: Record<string, Amount>
  settled?: string
  seq: number
}

export interface Run extends RunSummary {
  params: Record<string, unknown>
  start: number | null
  end: number | null
  /** Length of the bars; null where it was not chosen. */
  freq_s: number | null
  traceback?: string
  /** What the result follows from; its form is Cryptick's own. */
  manifest?: Manifest
  /** SHA-256 of the files that have to be the same when it is run again. */
  results?: Record<string, string>
}

export interface Manifest {
  key: string
  code: { cryptick: string; commit?: string | null; source: string; python: string }
  strategy: { name: string; source: string }
  params: Record<string, unknown>
  data: {
    exchange: string
    pair: string
    freq_s: number
    start_s: number
    end_s: number
    rows: number
    columns: string
  }[]
  [other: string]: unknown
}

export type ComponentKind =
  | 'text_log'
  | 'table'
  | 'line'
  | 'candlestick'
  | 'scatter'
  | 'bar'
  | 'pie'
  | 'slider'
  | 'number'
  | 'select'
  | 'button'
  | 'order_table'
  | 'frontier'

export interface ComponentColumn {
  name: string
  type: 'time' | 'number' | 'amount' | 'text'
  unit: string
}

export interface ComponentFormat {
  id: string
  kind: ComponentKind
  title: string
  placement: number
  columns: ComponentColumn[]
  axes: Record<string, { label: string; unit: string }>
  options: Record<string, unknown>
  value: unknown
  generation: number
  rows: number
}

export type Cell = string | number | null

/** Rows of a component's data from `offset` on; times and amounts are text. */
export interface Rows {
  offset: number
  rows: Cell[][]
}

export interface RowPage extends Rows {
  generation: number
  changed: boolean
  total: number
}

/** Rows of a table of a run: all cells are text. */
export interface TablePage {
  columns: string[]
  offset: number
  total: number
  rows: string[][]
}

export interface HubMessage {
  sequence: number
  time: string
  /** The sequence of what was being heard as it was sent, or the market event. */
  cause: number | { method: string; exchange: string; pair: string; time: string } | null
  message: {
    mhubrpc: string
    method: string
    params?: unknown[]
    result?: unknown
    error?: unknown
    response_method?: string | null
  }
}

export interface MessagePage {
  messages: HubMessage[]
  next: number
  last: number
}

export interface LogPage {
  lines: string[]
  offset: number
  next: number
  size: number
}

export interface StoredCandles {
  exchange: string
  pair: string
  freq_s: number
  start: number
  end: number
}

export interface History {
  source: string
  total: number
  candles: StoredCandles[]
  /** Their times are ISO text. */
  recordings: { exchange: string; pair: string; start: string; end: string }[]
}

/** Ratios are floats; where one is null, `undefined` says why. */
export interface Figures {
  total_return: number | null
  annual_return: number | null
  volatility: number | null
  sharpe: number | null
  sortino: number | null
  calmar: number | null
  max_drawdown: number | null
  drawdown: {
    depth: number
    peak_s: number
    trough_s: number
    recovered_s: number | null
    duration_s: number
  } | null
  /** By month: `2026-11`. */
  monthly_returns: Record<string, number>
  days: number
  undefined: Record<string, string>
}

/** A round trip; `profit` in the quote currency, `fraction` of its cost. */
export interface Trip {
  time: string
  exchange: string
  pair: string
  size: Amount
  profit: Amount
  fraction: number
}

export interface Report {
  run_id: string
  strategy: string
  mode: RunMode
  params: Record<string, unknown>
  source: string
  /** Such as `BTC_USD on gdax`. */
  pairs: string[]
  events: Record<string, number>
  period_start: string
  period_end: string
  currency: string
  initial_equity: Amount
  final_equity: Amount
  days_per_year: number
  risk_free: number
  figures: Figures
  benchmark: { bases: string[]; total_return: number | null; max_drawdown: number | null }
  exposure: { time: number; equity: number }
  turnover: { traded: Record<string, Amount>; times: number | null; times_a_year: number | null }
  round_trips: {
    count: number
    won: number
    lost: number
    profit: Record<string, Amount>
    win_rate: number | null
    profit_factor: number | null
    best: Trip | null
    worst: Trip | null
    undefined: Record<string, string>
  }
  fees_paid: Record<string, Amount>
  fees: { exchange: string; maker: Amount; taker: Amount }[]
  orders: number
  trades: number
  wallets: { exchange: string; currency: string; balance: Amount }[]
  fill_model: string | null
  warnings: string[]
}

export type Comparison = Record<
  string,
  { summary: Report | null; equity: [time: string, equity: Amount][] }
>

/** What the runs of a strategy in a mode have come to together; sums are amounts, the rest are floats. */
export interface Performance {
  strategy: string
  mode: RunMode
  currency: string | null
  runs: number
  running: number
  failed: number
  initial_equity: Amount | null
  equity: Amount | null
  total_return: number | null
  /** Of single runs. */
  best: number | null
  worst: number | null
  sharpe: number | null
  max_drawdown: number | null
  fees_paid: Record<string, Amount>
  orders: number
  trades: number
}

/** What is pushed, by the name of its event. */
export interface RunsPushed {
  run: { run_id: string; seq: number } & Partial<RunSummary>
  component: {
    run_id: string
    seq: number
    component: { id: string; change: string; generation: number; rows: number }
  }
  message: { run_id: string; messages: HubMessage[]; last: number }
  log: { run_id: string } & LogPage
}
