/** An order as it is told, by xWrap or in the files of a run, and what has become of it in a word. */
import { isZero, share } from '../amount'
import type { Order, Trade } from '../api/wire'

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

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'accent'

/** What has become of an order, in a word. */
export function stateOf(order: Pick<Order, 'status' | 'done_reason' | 'filled_size' | 'size'>): {
  word: string
  tone: Tone
} {
  if (order.status !== 'done')
    return isZero(order.filled_size)
      ? { word: order.status === 'received' ? 'open' : order.status, tone: 'accent' }
      : {
          word: `${Math.floor(share(order.filled_size, order.size) * 100)} % filled`,
          tone: 'accent',
        }
  if (order.done_reason === 'filled') return { word: 'filled', tone: 'good' }
  if (order.done_reason === 'rejected' || order.done_reason === null)
    return { word: 'rejected', tone: 'bad' }
  return {
    word: isZero(order.filled_size) ? order.done_reason : `${order.done_reason}, part filled`,
    tone: 'dim',
  }
}
