/** What xWrap sends, as far as the page reads it: see its `/openapi.json`. Amounts are text. */
import type { Amount } from '../amount'

export type Mode = 'paper' | 'live'
export type Role = 'viewer' | 'trader' | 'admin'
export type Side = 'buy' | 'sell'
export type OrderType = 'limit' | 'limit-immediate-cancel' | 'limit-fill-kill' | 'market'
export type KillLevel = 'off' | 'stop' | 'cancel' | 'flatten'
export type Channel = 'ticker' | 'trades' | 'book' | 'candles'

export interface Session {
  access_token: string
  expires_at: string
  name: string
  role: Role
  must_change_password: boolean
}

export interface Increments {
  tick_size: Amount
  lot_size: Amount
  min_order: Amount
  min_notional: Amount
}

export interface Exchange {
  exchange: string
  status: string
  problem: string
  pairs: string[]
  currencies: string[]
  mode: Mode
  fees: { maker: Amount; taker: Amount }
  increments: Record<string, Increments>
}

export interface PairHealth {
  state: string
  reason: string
  since: string
  last_message_age_s: number | null
}

export interface VenueHealth {
  status: string
  problem: string
  last_message_age_s: number | null
  reconnects: number
  gaps: number
  latency_s: number | null
  pairs: Record<string, PairHealth>
}

export interface Health {
  status: 'ok' | 'degraded'
  ledger_faults: string[]
  exchanges: Record<string, VenueHealth>
}

export interface Wallet {
  id: number | null
  exchange: string
  currency: string
  allocation: Amount
  balance: Amount
  available: Amount
  hold: Amount
  present_value: {
    balance_usd: Amount | null
    available_usd: Amount | null
    hold_usd: Amount | null
  }
}

export interface WalletSummary {
  timestamp: number
  wallets: Wallet[]
}

export interface WalletSet extends WalletSummary {
  id: number
  run_id: string | null
  type: string
  description: string
  active: boolean
  frozen: string | null
  closing: boolean
}

export interface Wallets {
  sets: WalletSet[]
  total: WalletSummary
  unallocated: WalletSummary
  allocated: WalletSummary
}

/** By exchange and currency. */
export type Unallocated = Record<string, Record<string, Wallet>>

export interface WalletHistory {
  id: number
  data: [time: number, ...wallets: Wallet[]][]
}

export interface Order {
  id: number
  created_at: string
  wallet_set_id: number | null
  exchange: string
  client_order_id: string
  run_id: string
  type: OrderType
  pair: string
  size: Amount
  side: Side
  limit: Amount
  funds: Amount | null
  cancel_after: number
  status: string
  done_reason: string | null
  message: string
  done_at: string | null
  last_updated_at: string
  filled_size: Amount
  avg_price: Amount
  fee: Amount
}

export interface Trade {
  id: number
  order_id: number
  run_id: string
  exchange: string
  side: Side
  pair: string
  exec_amount: Amount
  exec_price: Amount
  fee: Amount
  maker: boolean
  time: string
}

/** A line of the ledger: what moved in a wallet and why. */
export interface Movement {
  id: number
  time: string
  reason: string
  exchange: string
  currency: string
  wallet_set_type: string
  movement: Amount
  /** Whether it only reserves. */
  on_hold: boolean
  /** What the wallet holds after it. */
  balance: Amount | null
}

export interface NewOrder {
  run_id: string
  client_oid: string
  exchange: string
  type: OrderType
  pair: string
  size: Amount
  side: Side
  wallet_set_id?: number
  limit?: Amount
}

export interface Control {
  kill_switch: { scope: string | null; level: KillLevel }[]
  frozen: Record<string, string>
  suspense: { exchange: string; currency: string; amount: Amount }[]
  unknown_orders: number[]
}

export interface Incident {
  kind: string
  time: string
  exchange: string
  subject: string
  text: string
  by: string
}

/** Floats: for drawing only. */
export type CandlePoint = [
  time: number,
  low: number,
  high: number,
  open: number,
  close: number,
  volume: number,
  received: number,
]

export interface Candles {
  freq_s: number
  price_digits: number
  points: CandlePoint[]
}

export type BookLevel = readonly [price: Amount, size: Amount]

export interface BookMessage {
  exchange: string
  pair: string
  type: 'snapshot' | 'update'
  state: string
  sequence: number
  time: string
  bids: BookLevel[]
  asks: BookLevel[]
}

export interface TickerMessage {
  exchange: string
  pair: string
  bid: Amount | null
  ask: Amount | null
  time: string
}

export interface TradeMessage {
  exchange: string
  pair: string
  price: Amount
  size: Amount
  taker_side: Side
  trade_id: string | number
  time: string
}

export interface CandleMessage {
  exchange: string
  pair: string
  freq: string
  points: CandlePoint[]
}

export interface LogRecord {
  created: number
  levelname: string
  name: string
  message: string
}

/** What is pushed, by the name of its event. */
export interface Pushed {
  order: Order
  trade: Trade
  wallet_set: WalletSet
  exchstatus: { exchange: string; from: string; to: string }
  incident: Incident
  logmessages: LogRecord
  ticker: TickerMessage
  trades: TradeMessage
  book: BookMessage
  candle: CandleMessage
}

export interface Notifications {
  notifications: { method: string; params: unknown }[]
  last_seq: number
  complete: boolean
  /** Where the next page begins, if this is not all. */
  next: number | null
}
