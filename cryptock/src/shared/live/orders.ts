/** Orders and trades, asked for or pushed: of two states of an order the newer one counts. */
import { createSelector, createSlice, original, type PayloadAction } from '@reduxjs/toolkit'
import type { Order, Trade } from '../api/wire'
import { Numbered } from './numbered'

/** Of each, the newest, once all are read; orders that are not done are always kept. */
export const KEPT_MAX = 100_000
/** Before that: of what is pushed for hours more is not looked at. */
export const PUSHED_MAX = 10_000

interface OrdersState {
  orders: Numbered<Order>
  trades: Numbered<Trade>
  kept: number
}

const isOpen = ({ status }: Order): boolean => status !== 'done'

const initialState = (): OrdersState => ({
  orders: new Numbered(),
  trades: new Numbered(),
  kept: PUSHED_MAX,
})

/** A state as it is, not as a draft of it. */
const settled = (draft: unknown): OrdersState => original(draft) as OrdersState

export const ordersSlice = createSlice({
  name: 'orders',
  initialState,
  reducers: {
    // One action per frame, not per message, and no drafts: a fast market must not mean a render per tick.
    ordersReceived: (draft, { payload }: PayloadAction<Order[]>): OrdersState => {
      const state = settled(draft)
      const newer = payload.filter(
        ({ id, last_updated_at }) =>
          (state.orders.find(id)?.last_updated_at ?? '') <= last_updated_at,
      )
      return { ...state, orders: state.orders.with(newer).first(state.kept, isOpen) }
    },
    tradesReceived: (draft, { payload }: PayloadAction<Trade[]>): OrdersState => {
      const state = settled(draft)
      return { ...state, trades: state.trades.with(payload).first(state.kept) }
    },
    /** From now on all are kept that are read. */
    allWanted: (draft): OrdersState => ({ ...settled(draft), kept: KEPT_MAX }),
    ordersForgotten: initialState,
  },
  selectors: {
    /** Newest first. */
    selectOrders: ({ orders }) => orders.rows,
    selectTrades: ({ trades }) => trades.rows,
    selectOrder: ({ orders }, id: number) => orders.find(id),
    selectOpen: createSelector([({ orders }: OrdersState) => orders], ({ rows }) =>
      rows.filter(isOpen),
    ),
    selectTradesOf: createSelector(
      [({ trades }: OrdersState) => trades, (_: unknown, orderId: number) => orderId],
      ({ rows }, orderId) => rows.filter((trade) => trade.order_id === orderId),
    ),
  },
})

export const { ordersReceived, tradesReceived, allWanted, ordersForgotten } = ordersSlice.actions
export const { selectOrders, selectTrades, selectOrder, selectOpen, selectTradesOf } =
  ordersSlice.selectors
