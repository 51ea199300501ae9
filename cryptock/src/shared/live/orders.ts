/** Orders and trades, asked for or pushed: of two states of an order the newer one counts. */
import {
  createEntityAdapter,
  createSelector,
  createSlice,
  type PayloadAction,
} from '@reduxjs/toolkit'
import type { Order, Trade } from '../api/wire'

const KEPT_MAX = 20_000

const orders = createEntityAdapter<Order>({ sortComparer: (a, b) => b.id - a.id })
const trades = createEntityAdapter<Trade>({ sortComparer: (a, b) => b.id - a.id })

// Made once: they remember what they returned.
const orderSelectors = orders.getSelectors()
const tradeSelectors = trades.getSelectors()

export const ordersSlice = createSlice({
  name: 'orders',
  initialState: { orders: orders.getInitialState(), trades: trades.getInitialState() },
  reducers: {
    // One action per frame, not per message: a fast market must not mean a render per tick.
    ordersReceived: (state, { payload }: PayloadAction<Order[]>) => {
      const known = state.orders.entities
      const newer = payload.filter(
        (order) => (known[order.id]?.last_updated_at ?? '') <= order.last_updated_at,
      )
      orders.upsertMany(state.orders, newer)
      const done = state.orders.ids.slice(KEPT_MAX).filter((id) => known[id]?.status === 'done')
      orders.removeMany(state.orders, done)
    },
    tradesReceived: (state, { payload }: PayloadAction<Trade[]>) => {
      trades.upsertMany(state.trades, payload)
      trades.removeMany(state.trades, state.trades.ids.slice(KEPT_MAX))
    },
    ordersForgotten: (state) => {
      orders.removeAll(state.orders)
      trades.removeAll(state.trades)
    },
  },
  selectors: {
    /** Newest first. */
    selectOrders: (state) => orderSelectors.selectAll(state.orders),
    selectOrder: (state, id: number) => orderSelectors.selectById(state.orders, id),
    selectOpen: createSelector(
      [(state: { orders: ReturnType<typeof orders.getInitialState> }) => state.orders],
      (all) =>
        orders
          .getSelectors()
          .selectAll(all)
          .filter((order) => order.status !== 'done'),
    ),
    /** Newest first. */
    selectTrades: (state) => tradeSelectors.selectAll(state.trades),
    selectTradesOf: createSelector(
      [
        (state: { trades: ReturnType<typeof trades.getInitialState> }) => state.trades,
        (_: unknown, orderId: number) => orderId,
      ],
      (all, orderId) => tradeSelectors.selectAll(all).filter((trade) => trade.order_id === orderId),
    ),
  },
})

export const { ordersReceived, tradesReceived, ordersForgotten } = ordersSlice.actions
export const { selectOrders, selectOrder, selectOpen, selectTrades, selectTradesOf } =
  ordersSlice.selectors
