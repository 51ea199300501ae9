/** All funds: what they are worth, where they are, and more of them on paper. */
import { Box, Button, Skeleton } from '@mui/material'
import { useState } from 'react'
import { add, type Amount, isZero, sum, ZERO } from '@/shared/amount'
import { selectIsAdmin } from '@/shared/api/session'
import type { Unallocated, Wallet, WalletSet } from '@/shared/api/wire'
import {
  useGetExchangesQuery,
  useGetUnallocatedQuery,
  useGetWalletsQuery,
} from '@/shared/api/xwrap'
import { useAppSelector } from '@/shared/hooks'
import { assetColour } from '@/shared/theme'
import { Card, ErrorNote, Num } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { AddFunds } from '@/shared/wallets/AddFunds'
import { Total } from '@/shared/wallets/Total'

interface Holding {
  exchange: string
  currency: string
  unallocated: Amount
  allocated: Amount
  /** In USD; null without a price. */
  worth: Amount | null
}

/** What there is of each currency at each exchange, without those of which there is nothing. */
export function holdings(unallocated: Unallocated, sets: readonly WalletSet[]): Holding[] {
  const allocated = sets.flatMap(({ wallets }) => wallets)
  const free = Object.values(unallocated).flatMap((wallets) => Object.values(wallets))
  const places = new Map<string, Wallet[]>()
  for (const wallet of [...free, ...allocated]) {
    const key = `${wallet.exchange}:${wallet.currency}`
    places.set(key, [...(places.get(key) ?? []), wallet])
  }
  return [...places.values()].flatMap((wallets) => {
    const [first] = wallets
    if (first === undefined) return []
    const { exchange, currency } = first
    const own = wallets.filter((wallet) => !free.includes(wallet))
    const values = wallets.map(({ present_value }) => present_value.balance_usd)
    const holding = {
      exchange,
      currency,
      unallocated: unallocated[exchange]?.[currency]?.balance ?? ZERO,
      allocated: sum(own.map(({ balance }) => balance)),
      worth: values.reduce((a, b) => (a === null || b === null ? null : add(a, b)), ZERO),
    }
    return isZero(holding.unallocated) && isZero(holding.allocated) ? [] : [holding]
  })
}

const COLUMNS: Column<Holding>[] = [
  {
    name: 'Currency',
    width: 'minmax(64px, 1fr)',
    cell: ({ currency }) => (
      <>
        <Box component="span" sx={{ color: assetColour(currency), mr: 2 }} aria-hidden>
          ●
        </Box>
        {currency}
      </>
    ),
  },
  { name: 'Exchange', width: 'minmax(64px, 1fr)', cell: ({ exchange }) => exchange },
  {
    name: 'Unallocated',
    width: 'minmax(128px, 1.2fr)',
    number: true,
    cell: ({ unallocated }) => <Num value={unallocated} digits={{ max: 8 }} />,
  },
  {
    name: 'Allocated',
    width: 'minmax(128px, 1.2fr)',
    number: true,
    cell: ({ allocated }) => <Num value={allocated} digits={{ max: 8 }} />,
  },
  {
    name: 'Worth, USD',
    width: 'minmax(104px, 1fr)',
    number: true,
    cell: ({ worth }) => <Num value={worth} digits={{ max: 2, min: 2 }} />,
  },
]

export function Funds() {
  const { data: wallets, error, refetch } = useGetWalletsQuery()
  const { data: unallocated } = useGetUnallocatedQuery()
  const { data: exchanges = [] } = useGetExchangesQuery()
  const isAdmin = useAppSelector(selectIsAdmin)
  const [asked, setAsked] = useState(false)
  const paper = exchanges.filter(({ mode }) => mode === 'paper')
  if (wallets === undefined)
    return (
      <Card title="Wallets">
        <ErrorNote error={error} retry={() => void refetch()} />
        {error === undefined && <Skeleton variant="rounded" height={160} />}
      </Card>
    )
  return (
    <Total
      title="Wallets"
      wallets={wallets}
      action={
        isAdmin &&
        paper.length > 0 && <Button onClick={() => setAsked(true)}>Add virtual funds</Button>
      }
    >
      <ErrorNote error={error} retry={() => void refetch()} />
      <Box sx={{ mx: -2, mt: 4 }}>
        <Table
          label="Funds by exchange"
          columns={COLUMNS}
          rows={holdings(unallocated ?? {}, wallets.sets)}
          keyOf={({ exchange, currency }) => `${exchange}:${currency}`}
          height="360px"
        />
      </Box>
      {asked && <AddFunds exchanges={paper} onClose={() => setAsked(false)} />}
    </Total>
  )
}
