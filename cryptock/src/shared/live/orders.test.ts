import { describe, expect, it } from 'vitest'
import type { Order, Trade } from '../api/wire'
import { makeStore } from '../store'
import {
  allWanted,
  KEPT_MAX,
  ordersForgotten,
  ordersReceived,
  PUSHED_MAX,
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
    const store = makeStore()
    store.dispatch(ordersReceived([order(2), order(5, '3', 'open'), order(3)]))
    store.dispatch(ordersReceived([order(4), order(5, '2'), order(3, '2'), order(3, '4', 'open')]))
    expect(selectOrders(store.getState()).map(({ id }) => id)).toEqual([5, 4, 3, 2])
    expect(selectOrder(store.getState(), 5)?.last_updated_at).toBe('3')
    expect(selectOrder(store.getState(), 3)?.last_updated_at).toBe('4')
    expect(selectOrder(store.getState(), 9)).toBeUndefined()
    expect(selectOpen(store.getState()).map(({ id }) => id)).toEqual([5, 3])
    store.dispatch(tradesReceived([trade(1, 5), trade(2, 3)]))
    store.dispatch(tradesReceived([trade(2, 3), trade(3, 5)]))
    expect(selectTrades(store.getState()).map(({ id }) => id)).toEqual([3, 2, 1])
    expect(selectTradesOf(store.getState(), 5).map(({ id }) => id)).toEqual([3, 1])
    store.dispatch(ordersForgotten())
    expect(selectOrders(store.getState())).toEqual([])
  })

  it.each([
    ['what is pushed', PUSHED_MAX],
    ['all that are wanted', KEPT_MAX],
  ])('are kept up to a number, and open ones beyond it: %s', (_, most) => {
    const store = makeStore()
    if (most === KEPT_MAX) store.dispatch(allWanted())
    const many = Array.from({ length: most + 2 }, (_, at) => at + 1)
    store.dispatch(ordersReceived(many.map((id) => order(id, '1', id === 1 ? 'open' : 'done'))))
    store.dispatch(tradesReceived(many.map((id) => trade(id, id))))
    expect(selectOrders(store.getState())).toHaveLength(most + 1)
    expect(selectOrder(store.getState(), 1)).toBeDefined()
    expect(selectOrder(store.getState(), 2)).toBeUndefined()
    expect(selectTrades(store.getState())).toHaveLength(most)
  })
})
