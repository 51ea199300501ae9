import type { Order } from '@/shared/api/wire'

export interface Filter {
  field: 'state' | 'exchange' | 'pair' | 'side' | 'run_id'
  value: string
}

/** Orders that fit: of filters of one field any one, of different fields all. */
export function filtered(orders: readonly Order[], filters: readonly Filter[]): readonly Order[] {
  if (filters.length === 0) return orders
  const byField = new Map(
    filters.map(({ field }) => [field, filters.filter((each) => each.field === field)]),
  )
  return orders.filter((order) =>
    [...byField].every(([field, some]) =>
      some.some(({ value }) => valueOf(order, field) === value),
    ),
  )
}

function valueOf(order: Order, field: Filter['field']): string {
  return field === 'state' ? (order.status === 'done' ? 'done' : 'open') : order[field]
}

/** Which filters there can be, with the words for them. */
export function choices(orders: readonly Order[]): Filter[] {
  const fields = ['exchange', 'pair', 'side', 'run_id'] as const
  const found = fields.flatMap((field) =>
    [...new Set(orders.map((order) => order[field]))].sort().map((value) => ({ field, value })),
  )
  return [{ field: 'state', value: 'open' }, { field: 'state', value: 'done' }, ...found]
}
