import { type Amount, pixels, sum } from '@/shared/amount'
import type { Wallet, WalletHistory } from '@/shared/api/wire'

/** What wallets are worth in USD; those without a price are left out and named. */
export function worth(wallets: readonly Wallet[]): { usd: Amount; unpriced: string[] } {
  const priced = wallets.flatMap(({ present_value: { balance_usd } }) =>
    balance_usd === null ? [] : [balance_usd],
  )
  const unpriced = wallets
    .filter(({ present_value }) => present_value.balance_usd === null)
    .map(({ currency }) => currency)
  return { usd: sum(priced), unpriced: [...new Set(unpriced)] }
}

export interface ValuePoint {
  time: number
  value: number
}

/** The value of a set over time, for drawing: the last of each second, and no time twice. */
export function valueOverTime({ data }: WalletHistory): ValuePoint[] {
  const points = new Map<number, number>()
  for (const [time, ...wallets] of data) points.set(Math.floor(time), pixels(worth(wallets).usd))
  return [...points].map(([time, value]) => ({ time, value })).sort((a, b) => a.time - b.time)
}
