import { describe, expect, it } from 'vitest'
import type { Order, Trade } from '../api/wire'
import { makeStore } from '../store'
import {
  KEPT_MAX,
  ordersForgotten,
  ordersReceived,
  selectOpen,
  selectOrder,
  selectOrders,
  selectTrades,
  selectTradesOf,
  tradesReceived,
} from './orders'

const order = (id: number, at = '1', status = 'done') =>
  ({ id, last_updated_at: at, status }) as Order
const trade = (id: number, order_id: number) => ({ id, order_id }) as Trade

describe('orders', () => {
  it('are kept newest first, each as it was last', () => {
    const { dispatch, getState } = makeStore()
    dispatch(ordersReceived([order(2), order(5, '3', 'open'), order(3)]))
    dispatch(ordersReceived([order(4), order(5, '2'), order(3, '2'), order(3, '4', 'open')]))
    expect(selectOrders(getState()).map(({ id }) => id)).toEqual([5, 4, 3, 2])
    expect(selectOrder(getState(), 5)?.last_updated_at).toBe('3')
    expect(selectOrder(getState(), 3)?.last_updated_at).toBe('4')
    expect(selectOrder(getState(), 9)).toBeUndefined()
    expect(selectOpen(getState()).map(({ id }) => id)).toEqual([5, 3])
    dispatch(tradesReceived([trade(1, 5), trade(2, 3)]))
    dispatch(tradesReceived([trade(2, 3), trade(3, 5)]))
    expect(selectTrades(getState()).map(({ id }) => id)).toEqual([3, 2, 1])
    expect(selectTradesOf(getState(), 5).map(({ id }) => id)).toEqual([3, 1])
    dispatch(ordersForgotten())
    expect(selectOrders(getState())).toEqual([])
  })

  it('are kept up to a number, and open ones beyond it', () => {
    const { dispatch, getState } = makeStore()
    const many = Array.from({ length: KEPT_MAX + 2 }, (_, at) => at + 1)
    dispatch(ordersReceived(many.map((id) => order(id, '1', id === 1 ? 'open' : 'done'))))
    dispatch(tradesReceived(many.map((id) => trade(id, id))))
    expect(selectOrders(getState())).toHaveLength(KEPT_MAX + 1)
    expect(selectOrder(getState(), 1)).toBeDefined()
    expect(selectOrder(getState(), 2)).toBeUndefined()
    expect(selectTrades(getState())).toHaveLength(KEPT_MAX)
  })
})
