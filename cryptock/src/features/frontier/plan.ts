/** What a preview holds and what a target would roughly cost: exact amounts, in words. */
import { type Amount, amount, multiply, sum } from '@/shared/amount'
import type { Cell, Run } from '@/shared/api/runs'
import type { Exchange } from '@/shared/api/wire'
import { baseOf, dollars, grouped, quoteOf } from '@/shared/format'
import type { Weights } from './portfolio'
import { percent } from './scale'

export interface PlannedOrder {
  /** The preview that it is part of. */
  preview: string
  side: 'buy' | 'sell'
  exchange: string
  pair: string
  size: Amount
  price: Amount
  notional: Amount
  fee: Amount
  before: number
  after: number
}

export function readPlan(rows: readonly (readonly Cell[])[]): PlannedOrder[] {
  return rows.map((row) => {
    const text = (index: number) => String(row[index])
    return {
      preview: text(0),
      side: row[1] === 'buy' ? 'buy' : 'sell',
      exchange: text(2),
      pair: text(3),
      size: amount(text(4)),
      price: amount(text(5)),
      notional: amount(text(6)),
      fee: amount(text(7)),
      before: Number(row[8]),
      after: Number(row[9]),
    }
  })
}

export const totals = (orders: readonly PlannedOrder[]): { turnover: Amount; fees: Amount } => ({
  turnover: sum(orders.map(({ notional }) => notional)),
  fees: sum(orders.map(({ fee }) => fee)),
})

/** `Buy 0.0349 BTC on gdax at about 74 048.67 USD`. */
export const orderWords = ({ side, size, pair, exchange, price }: PlannedOrder): string =>
  `${side === 'buy' ? 'Buy' : 'Sell'} ${grouped(size)} ${baseOf(pair)} on ${exchange} at about ${grouped(price)} ${quoteOf(pair)}`

/** What an order costs and moves. */
export const effectWords = ({ notional, fee, pair, before, after }: PlannedOrder): string =>
  `${dollars(notional)} ${quoteOf(pair)}, fee ≈ ${dollars(fee)} ${quoteOf(pair)}: ${baseOf(pair)} from ${percent(before)} to ${percent(after)}`

export interface Guess {
  orders: number
  /** Null where a price or fee is not known. */
  fee: Amount | null
}

/** About what it takes to get from weights to others, before the strategy has planned it; the quote currency is last. */
export function guess(from: Weights, to: Weights, run: Run, exchanges: readonly Exchange[]): Guess {
  const band = Number(run.params.band ?? 0) / 100
  const moves = to
    .slice(0, -1)
    .map((weight, index) => Math.abs(weight - (from[index] ?? 0)))
    .filter((move) => move > band)
  const used = new Set(run.balances.map(({ exchange }) => exchange))
  const fees = exchanges
    .filter(({ exchange }) => used.has(exchange))
    .map(({ fees: { taker } }) => taker)
  const dearest = fees.toSorted((a, b) => Number(b) - Number(a))[0]
  const turnover = moves.reduce((total, move) => total + move, 0)
  return {
    orders: moves.length,
    fee:
      run.equity && dearest !== undefined
        ? multiply(multiply(run.equity, amount(turnover.toFixed(6))), dearest)
        : null,
  }
}
