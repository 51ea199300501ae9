import type { Order } from '@/shared/api/wire'
import { csvCell, csvLine } from '@/shared/csv'

const COLUMNS = [
  'id',
  'created_at',
  'run_id',
  'exchange',
  'pair',
  'side',
  'type',
  'size',
  'limit',
  'filled_size',
  'avg_price',
  'fee',
  'status',
  'done_reason',
  'done_at',
  'client_order_id',
  'message',
] as const satisfies readonly (keyof Order)[]

const AMOUNTS: ReadonlySet<string> = new Set(['size', 'limit', 'filled_size', 'avg_price', 'fee'])

/** Orders as CSV, amounts digit by digit. */
export const ordersCsv = (orders: readonly Order[]): string =>
  [
    csvLine(COLUMNS),
    ...orders.map((order) =>
      csvLine(COLUMNS.map((column) => csvCell(String(order[column] ?? ''), AMOUNTS.has(column)))),
    ),
  ].join('')
