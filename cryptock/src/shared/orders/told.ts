/** Orders and trades of xWrap, of the tables of a run, and of a component, as one kind of thing. */
import { amount, isZero, ZERO } from '../amount'
import type { Cell, TablePage } from '../api/runs'
import type { Order, OrderType, Side, Trade } from '../api/wire'

export type ToldOrder = Pick<
  Order,
  | 'client_order_id'
  | 'created_at'
  | 'exchange'
  | 'pair'
  | 'type'
  | 'side'
  | 'size'
  | 'status'
  | 'done_reason'
  | 'filled_size'
  | 'avg_price'
  | 'message'
> & {
  key: string | number
  /** Null at market, or where it is not told. */
  limit: Order['limit'] | null
  fee: Order['fee'] | null
  last_updated_at: string | null
}

export type ToldTrade = Pick<Trade, 'exec_amount' | 'exec_price' | 'fee' | 'maker' | 'time'> & {
  key: string | number
}

export const told = (order: Order): ToldOrder => ({
  ...order,
  key: order.id,
  limit: order.type === 'market' ? null : order.limit,
})

type Get = (name: string) => string

function cellsOf(columns: readonly string[]): (row: readonly Cell[]) => Get {
  const at = new Map(columns.map((name, index) => [name, index]))
  return (row) => (name) => {
    const cell = row[at.get(name) ?? -1]
    return cell === null || cell === undefined ? '' : String(cell)
  }
}

const sizeOf = (text: string) => (text === '' ? ZERO : amount(text))

const orderOf = (get: Get): ToldOrder => ({
  key: get('client_oid'),
  client_order_id: get('client_oid'),
  created_at: get('created_at') || get('time'),
  last_updated_at: get('done_at') || null,
  exchange: get('exchange'),
  pair: get('pair'),
  type: get('type') as OrderType,
  side: get('side') as Side,
  size: sizeOf(get('size')),
  limit: limitOf(get('limit') || get('price')),
  status: get('status'),
  done_reason: get('done_reason') || null,
  filled_size: sizeOf(get('filled_size')),
  avg_price: sizeOf(get('avg_price')),
  fee: get('fee') === '' ? null : amount(get('fee')),
  message: get('message'),
})

function limitOf(text: string) {
  const limit = sizeOf(text)
  return isZero(limit) ? null : limit
}

const tradeOf = (get: Get, key: string | number): ToldTrade => ({
  key,
  exec_amount: sizeOf(get('size')),
  exec_price: sizeOf(get('price')),
  fee: sizeOf(get('fee')),
  maker: (get('maker') || get('role')) === 'maker',
  time: get('time'),
})

/** Orders of `orders.csv`, newest first. */
export function tableOrders({ columns, rows }: TablePage): ToldOrder[] {
  const cells = cellsOf(columns)
  return rows.map((row) => orderOf(cells(row))).reverse()
}

/** Trades of `trades.csv` by the id of their order. */
export function tableTrades({ columns, rows }: TablePage): Map<string, ToldTrade[]> {
  const cells = cellsOf(columns)
  const found = new Map<string, ToldTrade[]>()
  rows.forEach((row, index) => {
    const get = cells(row)
    push(found, get('client_oid'), tradeOf(get, index))
  })
  return found
}

/** Orders and their fills of a component that tells each of their states, newest first. */
export function toldByComponent(
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): { orders: ToldOrder[]; trades: Map<string, ToldTrade[]> } {
  const cells = cellsOf(columns)
  const orders = new Map<string, ToldOrder>()
  const trades = new Map<string, ToldTrade[]>()
  rows.forEach((row, index) => {
    const get = cells(row)
    const id = get('client_oid')
    if (get('event') === 'fill') push(trades, id, tradeOf(get, index))
    else {
      const order = orderOf(get)
      const first = orders.get(id)?.created_at ?? order.created_at
      orders.set(id, { ...order, created_at: first, last_updated_at: get('time') })
    }
  })
  return { orders: [...orders.values()].reverse(), trades }
}

function push<T>(into: Map<string, T[]>, key: string, value: T): void {
  const known = into.get(key)
  if (known === undefined) into.set(key, [value])
  else known.push(value)
}
