/** All orders and all trades of all runs, as far back as the page holds them. */
import { Button, Drawer } from '@mui/material'
import { useDeferredValue, useMemo, useState } from 'react'
import { Link } from 'react-router'
import { useGetRunsQuery } from '@/shared/api/cryptick'
import type { Order, Trade } from '@/shared/api/wire'
import { useGetExchangesQuery } from '@/shared/api/xwrap'
import { count } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { KEPT_MAX, selectOrders, selectTrades } from '@/shared/live/orders'
import { type ReadSoFar, useAllPages } from '@/shared/live/pages'
import { OrderStory } from '@/shared/orders/OrderStory'
import { Grid } from '@/shared/ui/Grid'
import { Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { type Known, orderColumns, ORDERS, tradeColumns, TRADES } from './columns'

const HEIGHT = 'max(320px, calc(100dvh - 248px))'
const numberOf = ({ id }: { id: number }): number => id

/** Made anew only when a name changes, and not whenever a run tells something. */
function useKnown(): Known {
  const { data: runs = [] } = useGetRunsQuery()
  const { data: exchanges = [] } = useGetExchangesQuery()
  const told = JSON.stringify([
    runs.map(({ run_id, strategy }) => [run_id, strategy]),
    exchanges.map(({ exchange, mode }) => [exchange, mode]),
  ])
  return useMemo(() => {
    const [strategies, modes] = JSON.parse(told) as [[string, string][], [string, string][]]
    return { strategies: new Map(strategies), modes: new Map(modes) }
  }, [told])
}

export function AllOrders() {
  const rows = useDeferredValue(useAppSelector(selectOrders))
  const known = useKnown()
  const columns = useMemo(() => orderColumns(known), [known])
  const read = useAllPages('orders')
  useAllPages('trades') // the story of an order has its trades
  const [open, setOpen] = useState<Order | null>(null)
  return (
    <Card>
      <ErrorNote error={read.error} retry={read.retry} />
      <Grid
        label="All orders"
        place="orders"
        what="order"
        columns={columns}
        rows={rows}
        numberOf={numberOf}
        standard={ORDERS}
        height={HEIGHT}
        selected={open?.id}
        onOpen={setOpen}
        status={<Progress read={read} what="order" />}
        empty={<Nothing read={read} what="orders" />}
      />
      <Story id={open?.id ?? null} onClose={() => setOpen(null)} />
    </Card>
  )
}

export function AllTrades() {
  const rows = useDeferredValue(useAppSelector(selectTrades))
  const known = useKnown()
  const columns = useMemo(() => tradeColumns(known), [known])
  const read = useAllPages('trades')
  useAllPages('orders') // a trade's story is that of its order
  const [open, setOpen] = useState<Trade | null>(null)
  return (
    <Card>
      <ErrorNote error={read.error} retry={read.retry} />
      <Grid
        label="All trades"
        place="trades"
        what="trade"
        columns={columns}
        rows={rows}
        numberOf={numberOf}
        standard={TRADES}
        height={HEIGHT}
        selected={open?.id}
        onOpen={setOpen}
        status={<Progress read={read} what="trade" />}
        empty={<Nothing read={read} what="trades" />}
      />
      <Story id={open?.order_id ?? null} onClose={() => setOpen(null)} />
    </Card>
  )
}

function Story({ id, onClose }: { id: number | null; onClose: () => void }) {
  return (
    <Drawer
      anchor="right"
      slotProps={{ paper: { 'aria-label': 'Story of the order' } }}
      open={id !== null}
      onClose={onClose}
    >
      {id !== null && <OrderStory id={id} onClose={onClose} />}
    </Drawer>
  )
}

function Progress({ read, what }: { read: ReadSoFar; what: string }) {
  if (read.cut)
    return `: the newest ${count(KEPT_MAX, what)} are held here, older ones are left out`
  return read.done ? '' : `, reading older ones: ${count(read.count, what)} so far …`
}

function Nothing({ read, what }: { read: ReadSoFar; what: string }) {
  if (!read.done) return <Empty text={`Asking for ${what} …`} />
  return (
    <Empty text={`There are no ${what} yet. Those of all runs appear here by themselves.`}>
      <Button component={Link} to="/" variant="outlined">
        Start a run
      </Button>
    </Empty>
  )
}
