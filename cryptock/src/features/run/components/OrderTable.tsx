/** The run's orders, each in its present state, with their fills. */
import { useMemo } from 'react'
import { toldByComponent } from '@/shared/orders/told'
import { OrderList } from '../OrderList'
import { HEIGHT, type Shown } from './Components'

export function OrderTable({ run, format, data }: Shown) {
  const { columns } = format
  const { orders, trades } = useMemo(
    () =>
      toldByComponent(
        columns.map(({ name }) => name),
        data.rows,
      ),
    [columns, data],
  )
  return (
    <OrderList
      run={run}
      label={format.title}
      orders={orders}
      tradesOf={({ client_order_id: id }) => trades.get(id) ?? []}
      height={`${HEIGHT}px`}
    />
  )
}
