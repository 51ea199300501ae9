/** The run's orders, each in its present state, with their fills. */
import { useMemo } from 'react'
import { toldByComponent } from '@/shared/orders/told'
import { OrderList } from '../OrderList'
import { ToldStory } from '../ToldStory'
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
      story={(order, onClose) => (
        <ToldStory
          order={order}
          trades={trades.get(order.client_order_id) ?? []}
          runId={run.run_id}
          onClose={onClose}
        />
      )}
      height={`${HEIGHT}px`}
    />
  )
}
