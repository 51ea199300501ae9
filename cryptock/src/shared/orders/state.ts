import { isZero, share } from '../amount'
import type { Order } from '../api/wire'

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
