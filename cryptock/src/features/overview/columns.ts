/** What is told of each order and each trade of all runs. */
import { type Amount, multiply } from '@/shared/amount'
import type { Order, Trade } from '@/shared/api/wire'
import { baseOf, pairName, quoteOf } from '@/shared/format'
import { stateOf } from '@/shared/orders/state'
import type { GridColumn, GridView } from '@/shared/ui/Grid'

/** What is known of runs and exchanges by their names. */
export interface Known {
  strategies: ReadonlyMap<string, string>
  modes: ReadonlyMap<string, string>
}

type Both = Pick<Order & Trade, 'side' | 'pair' | 'exchange' | 'run_id' | 'fee'>

const base = ({ pair }: Both): string => baseOf(pair)
const quote = ({ pair }: Both): string => quoteOf(pair)
const PRICE = { max: 8, min: 2 }

function common<Row extends Both>({ strategies, modes }: Known) {
  return {
    side: {
      id: 'side',
      name: 'Side',
      width: 56,
      type: 'choice',
      value: (row) => row.side,
      tone: (row) => (row.side === 'buy' ? 'good' : 'bad'),
    },
    pair: {
      id: 'pair',
      name: 'Pair',
      width: 92,
      type: 'choice',
      value: (row) => row.pair,
      label: pairName,
    },
    exchange: {
      id: 'exchange',
      name: 'Exchange',
      width: 92,
      type: 'choice',
      value: (row) => row.exchange,
    },
    mode: {
      id: 'mode',
      name: 'Mode',
      width: 70,
      type: 'choice',
      value: (row) => modes.get(row.exchange) ?? '',
    },
    run: { id: 'run', name: 'For', width: 150, type: 'choice', value: (row) => row.run_id },
    strategy: {
      id: 'strategy',
      name: 'Strategy',
      width: 130,
      type: 'choice',
      value: (row) => strategies.get(row.run_id) ?? '',
    },
    fee: {
      id: 'fee',
      name: 'Fee',
      width: 100,
      type: 'amount',
      value: (row) => row.fee,
      unit: quote,
      digits: { max: 4, min: 4 },
    },
  } satisfies Record<string, GridColumn<Row>>
}

export function orderColumns(known: Known): GridColumn<Order>[] {
  const { side, pair, exchange, mode, run, strategy, fee } = common<Order>(known)
  return [
    { id: 'made', name: 'When', width: 88, type: 'time', value: (order) => order.created_at },
    {
      id: 'state',
      name: 'State',
      width: 92,
      type: 'choice',
      value: ({ status, done_reason }) =>
        status === 'done' ? (done_reason ?? 'rejected') : 'open',
      tone: (order) => stateOf(order).tone,
    },
    side,
    pair,
    exchange,
    mode,
    run,
    strategy,
    { id: 'type', name: 'Type', width: 100, type: 'choice', value: (order) => order.type },
    {
      id: 'size',
      name: 'Size',
      width: 110,
      type: 'amount',
      value: (order) => order.size,
      unit: base,
    },
    {
      id: 'filled',
      name: 'Filled',
      width: 110,
      type: 'amount',
      value: (order) => order.filled_size,
      unit: base,
    },
    {
      id: 'limit',
      name: 'Limit',
      width: 110,
      type: 'amount',
      value: (order) => (order.type === 'market' ? '' : order.limit),
      digits: PRICE,
    },
    {
      id: 'average',
      name: 'Average',
      width: 110,
      type: 'amount',
      value: (order) => order.avg_price,
      digits: PRICE,
    },
    fee,
    { id: 'done', name: 'Done', width: 88, type: 'time', value: (order) => order.done_at ?? '' },
    {
      id: 'client_order_id',
      name: 'Id',
      width: 290,
      type: 'text',
      value: (order) => order.client_order_id,
    },
    { id: 'message', name: 'Message', width: 220, type: 'text', value: (order) => order.message },
  ]
}

export const ORDERS: GridView = {
  columns: [
    'made',
    'state',
    'side',
    'pair',
    'exchange',
    'run',
    'strategy',
    'size',
    'filled',
    'limit',
    'average',
    'fee',
  ],
  sort: [],
  filters: [],
  groups: [],
}

const values = new WeakMap<Trade, Amount>()

/** What a trade moved in its quote currency, exactly. */
function valueOf(trade: Trade): Amount {
  const known = values.get(trade)
  if (known !== undefined) return known
  const value = multiply(trade.exec_amount, trade.exec_price)
  values.set(trade, value)
  return value
}

export function tradeColumns(known: Known): GridColumn<Trade>[] {
  const { side, pair, exchange, mode, run, strategy, fee } = common<Trade>(known)
  return [
    { id: 'time', name: 'When', width: 88, type: 'time', value: (trade) => trade.time },
    side,
    pair,
    exchange,
    mode,
    run,
    strategy,
    {
      id: 'amount',
      name: 'Amount',
      width: 110,
      type: 'amount',
      value: (trade) => trade.exec_amount,
      unit: base,
    },
    {
      id: 'price',
      name: 'Price',
      width: 110,
      type: 'amount',
      value: (trade) => trade.exec_price,
      digits: PRICE,
    },
    {
      id: 'value',
      name: 'Value',
      width: 120,
      type: 'amount',
      value: valueOf,
      unit: quote,
      digits: { max: 2, min: 2 },
    },
    fee,
    {
      id: 'role',
      name: 'Role',
      width: 70,
      type: 'choice',
      value: ({ maker }) => (maker ? 'maker' : 'taker'),
    },
    {
      id: 'order',
      name: 'Order',
      width: 90,
      type: 'amount',
      value: ({ order_id }) => `${order_id}`,
    },
  ]
}

export const TRADES: GridView = {
  columns: [
    'time',
    'side',
    'pair',
    'exchange',
    'run',
    'strategy',
    'amount',
    'price',
    'value',
    'fee',
    'role',
  ],
  sort: [],
  filters: [],
  groups: [],
}
