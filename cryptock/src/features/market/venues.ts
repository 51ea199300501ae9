import { type Amount, basisPoints, compare } from '@/shared/amount'
import type { Ticker } from '@/shared/live/market'

/** The best of several venues: where one pair can be sold dearest and bought cheapest. */
export interface Between {
  bid: Amount
  bidAt: string
  ask: Amount
  askAt: string
  /** By how much the best bid is above the best ask, in basis points; negative as a rule. */
  edge: Amount | null
}

/** Null where no two venues have prices. */
export function between(tickers: readonly (Ticker | undefined)[]): Between | null {
  const known = tickers.filter(
    (each): each is Ticker & { bid: Amount; ask: Amount } => !!each?.bid && !!each.ask,
  )
  const [first] = known
  if (first === undefined || known.length < 2) return null
  const dearest = known.reduce((a, b) => (compare(a.bid, b.bid) >= 0 ? a : b), first)
  const cheapest = known.reduce((a, b) => (compare(a.ask, b.ask) <= 0 ? a : b), first)
  return {
    bid: dearest.bid,
    bidAt: dearest.exchange,
    ask: cheapest.ask,
    askAt: cheapest.exchange,
    edge: basisPoints(cheapest.ask, dearest.bid),
  }
}
