import { type Amount, sum } from '../amount'
import type { Wallet } from '../api/wire'

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
