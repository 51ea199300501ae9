/** Which run holds how much. */
import { type Amount, add, compare, isZero, ZERO } from '@/shared/amount'
import type { Wallet, Wallets } from '@/shared/api/wire'
import { worth } from '@/shared/wallets/worth'

export interface Holding {
  /** Of the wallet set; null for what is unallocated. */
  id: number | null
  runId: string
  usd: Amount
  /** Currencies of which no price is known: they are not in `usd`. */
  unpriced: string[]
  byCurrency: ReadonlyMap<string, { balance: Amount; usd: Amount | null }>
}

/** What runs hold, the richest first, and what is unallocated after them; nothing that is empty. */
export function holdings({ sets, unallocated }: Wallets): Holding[] {
  const runs = sets.map((set) => holding(set.id, set.run_id ?? '', set.wallets))
  runs.sort((a, b) => compare(b.usd, a.usd) || (b.id ?? 0) - (a.id ?? 0))
  return [...runs, holding(null, '', unallocated.wallets)].filter(
    ({ byCurrency }) => byCurrency.size > 0,
  )
}

function holding(id: number | null, runId: string, wallets: readonly Wallet[]): Holding {
  const byCurrency = new Map<string, { balance: Amount; usd: Amount | null }>()
  for (const { currency, balance, present_value } of wallets) {
    if (isZero(balance)) continue
    const known = byCurrency.get(currency)
    const usd = present_value.balance_usd
    byCurrency.set(currency, {
      balance: add(known?.balance ?? ZERO, balance),
      usd: known === undefined ? usd : known.usd && usd && add(known.usd, usd),
    })
  }
  return { id, runId, ...worth(wallets), byCurrency }
}

/** The currencies that are held, those that are worth most first. */
export function currenciesOf(held: readonly Holding[]): string[] {
  const totals = new Map<string, Amount>()
  for (const { byCurrency } of held)
    for (const [currency, { usd }] of byCurrency)
      totals.set(currency, add(totals.get(currency) ?? ZERO, usd ?? ZERO))
  return [...totals]
    .sort(([a, first], [b, second]) => compare(second, first) || a.localeCompare(b))
    .map(([currency]) => currency)
}
