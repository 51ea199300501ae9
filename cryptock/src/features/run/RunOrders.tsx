/** Orders and fills of a run: as xWrap has them now, or as a backtest has written them. */
import { Box, Button, Skeleton } from '@mui/material'
import { useDeferredValue, useMemo, useState } from 'react'
import { useGetNewestQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { useGetOrdersQuery } from '@/shared/api/xwrap'
import { count } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { selectOrders } from '@/shared/live/orders'
import { OrderStory } from '@/shared/orders/OrderStory'
import { tableOrders, tableTrades, told } from '@/shared/orders/told'
import { Empty, ErrorNote } from '@/shared/ui/parts'
import { OrderList } from './OrderList'
import { ToldStory } from './ToldStory'

const HEIGHT = '420px'
const MOST = 10_000

export function RunOrders({ run }: { run: Run }) {
  return run.mode === 'backtest' ? <Simulated run={run} /> : <Traded run={run} />
}

function Traded({ run }: { run: Run }) {
  const { error, isLoading, refetch } = useGetOrdersQuery(run.run_id)
  const all = useDeferredValue(useAppSelector(selectOrders))
  const orders = useMemo(
    () => all.filter((order) => order.run_id === run.run_id).map(told),
    [all, run.run_id],
  )
  return (
    <>
      <ErrorNote error={error} retry={() => void refetch()} />
      {orders.length === 0 ? (
        <None loading={isLoading} run={run} />
      ) : (
        <OrderList
          run={run}
          orders={orders}
          story={({ key }, onClose) => <OrderStory id={Number(key)} onClose={onClose} />}
          height={HEIGHT}
        />
      )}
    </>
  )
}

function Simulated({ run }: { run: Run }) {
  const [most, setMost] = useState(MOST)
  const wanted = { runId: run.run_id, most }
  const orders = useGetNewestQuery({ ...wanted, table: 'orders' })
  const trades = useGetNewestQuery({ ...wanted, table: 'trades' })
  const shown = useMemo(() => (orders.data ? tableOrders(orders.data) : []), [orders.data])
  const byOrder = useMemo(
    () => (trades.data ? tableTrades(trades.data) : new Map<string, never>()),
    [trades.data],
  )
  const total = orders.data?.total ?? 0
  return (
    <>
      <ErrorNote error={orders.error ?? trades.error} retry={() => void orders.refetch()} />
      {shown.length === 0 ? (
        <None loading={orders.isLoading} run={run} />
      ) : (
        <OrderList
          run={run}
          orders={shown}
          story={(order, onClose) => (
            <ToldStory
              order={order}
              trades={byOrder.get(order.client_order_id) ?? []}
              runId={run.run_id}
              onClose={onClose}
            />
          )}
          height={HEIGHT}
        />
      )}
      {total > shown.length && shown.length > 0 && (
        <Box sx={{ mt: 2, fontSize: 13, color: 'text.secondary' }}>
          The newest {shown.length} of {count(total, 'order')}.{' '}
          <Button loading={orders.isFetching} onClick={() => setMost(total)}>
            Show all
          </Button>
        </Box>
      )}
    </>
  )
}

function None({ loading, run }: { loading: boolean; run: Run }) {
  if (loading) return <Skeleton variant="rounded" height={120} />
  return (
    <Empty
      text={
        run.running
          ? 'It has made no order yet. They appear here as it makes them.'
          : 'It has made no order.'
      }
    />
  )
}
