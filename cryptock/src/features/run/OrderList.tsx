/** Orders of a run, open ones first, with the story of each. */
import { Drawer } from '@mui/material'
import { type ReactNode, useMemo, useState } from 'react'
import type { Run } from '@/shared/api/runs'
import { pairName, utc, wireTime } from '@/shared/format'
import { OrderState } from '@/shared/orders/OrderStory'
import type { ToldOrder } from '@/shared/orders/told'
import { Ago, Num, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'

const number = (name: string, cell: Column<ToldOrder>['cell']): Column<ToldOrder> => ({
  name,
  width: 'minmax(96px, 1fr)',
  number: true,
  cell,
})

/** In a backtest it matters when it was; else how long ago it is. */
const columnsOf = (exact: boolean): Column<ToldOrder>[] => [
  exact
    ? {
        name: 'When (UTC)',
        width: '156px',
        cell: (order) => utc(wireTime(order.created_at)).slice(0, 19),
      }
    : { name: 'When', width: '88px', cell: (order) => <Ago at={wireTime(order.created_at)} /> },
  { name: 'State', width: '148px', cell: (order) => <OrderState order={order} /> },
  {
    name: 'Side',
    width: '40px',
    cell: (order) => <Word tone={order.side === 'buy' ? 'good' : 'bad'}>{order.side}</Word>,
  },
  { name: 'Pair', width: '84px', cell: (order) => pairName(order.pair) },
  { name: 'Exchange', width: '84px', cell: (order) => order.exchange },
  number('Size', (order) => <Num value={order.size} />),
  number('Filled', (order) => <Num value={order.filled_size} />),
  number('Limit', (order) =>
    order.limit === null ? 'market' : <Num value={order.limit} digits={{ min: 2 }} />,
  ),
  number('Average', (order) => <Num value={order.avg_price} digits={{ max: 2, min: 2 }} />),
]
const FEE = number('Fee', (order) =>
  order.fee === null ? '' : <Num value={order.fee} digits={{ max: 4, min: 4 }} />,
)

export function OrderList({
  run,
  orders,
  story,
  label = 'Orders of this run',
  height,
}: {
  run: Run
  /** Newest first. */
  orders: readonly ToldOrder[]
  story: (order: ToldOrder, onClose: () => void) => ReactNode
  label?: string
  height: string
}) {
  const [opened, setOpened] = useState<ToldOrder['key'] | null>(null)
  const sorted = useMemo(() => {
    const open = orders.filter(({ status }) => status !== 'done')
    return open.length === 0
      ? orders
      : [...open, ...orders.filter(({ status }) => status === 'done')]
  }, [orders])
  const shown = opened === null ? undefined : orders.find(({ key }) => key === opened)
  const withFees = orders.some(({ fee }) => fee !== null)
  const columns = useMemo(
    () => [...columnsOf(run.mode === 'backtest'), ...(withFees ? [FEE] : [])],
    [run.mode, withFees],
  )
  return (
    <>
      <Table
        label={label}
        columns={columns}
        rows={sorted}
        keyOf={({ key }) => key}
        height={height}
        selected={opened ?? undefined}
        onOpen={({ key }) => setOpened(key)}
      />
      <Drawer anchor="right" open={shown !== undefined} onClose={() => setOpened(null)}>
        {shown && story(shown, () => setOpened(null))}
      </Drawer>
    </>
  )
}
