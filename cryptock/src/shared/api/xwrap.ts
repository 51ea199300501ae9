/** What the page asks xWrap for. What is pushed comes through `live`. */
import { createApi } from '@reduxjs/toolkit/query/react'
import type { Amount } from '../amount'
import { allWanted, KEPT_MAX, ordersReceived, tradesReceived } from '../live/orders'
import { request } from './request'
import type {
  Candles,
  Control,
  Exchange,
  Health,
  Incident,
  KillLevel,
  LogRecord,
  Movement,
  NewOrder,
  Notifications,
  Order,
  Session,
  Trade,
  Unallocated,
  WalletHistory,
  WalletSet,
  WalletSummary,
  Wallets,
} from './wire'

const V1 = '/xwrap/v1'
const LOOKED_BACK = 2000 // notifications
/** How many orders or trades are read at once. */
export const ROWS_MAX = 1000

export interface PageRead {
  count: number
  /** The number of its last row. */
  last: number | null
}

/** Whether as many rows were read as are kept, so that older ones are left. */
export const isCut = (pages: readonly PageRead[]): boolean => pages.length * ROWS_MAX >= KEPT_MAX

export const xwrapApi = createApi({
  reducerPath: 'xwrap',
  baseQuery: request,
  tagTypes: ['Exchanges', 'Health', 'Wallets', 'History', 'Orders', 'Control', 'Candles'],
  endpoints: (build) => ({
    getExchanges: build.query<Exchange[], void>({
      query: () => ({ path: `${V1}/exchanges` }),
      providesTags: ['Exchanges'],
    }),
    getHealth: build.query<Health, void>({
      query: () => ({ path: `${V1}/health` }),
      providesTags: ['Health'],
    }),
    getVersion: build.query<string, void>({
      query: () => ({ path: `${V1}/status` }),
      transformResponse: (status: { version: string }) => status.version,
    }),
    getCandles: build.query<
      Candles,
      { exchange: string; pair: string; freq: string; start: number }
    >({
      query: ({ exchange, pair, ...query }) => ({ path: `${V1}/ohlcv/${exchange}/${pair}`, query }),
      providesTags: ['Candles'],
      keepUnusedDataFor: 30,
    }),
    getWallets: build.query<Wallets, void>({
      query: () => ({ path: `${V1}/wallets/sets` }),
      transformResponse: (answer: Record<string, WalletSet> & Record<string, WalletSummary>) => {
        const { total, unallocated, allocated, ...sets } = answer as Omit<Wallets, 'sets'> &
          Record<string, WalletSet>
        return { total, unallocated, allocated, sets: Object.values(sets) }
      },
      providesTags: ['Wallets'],
    }),
    getUnallocated: build.query<Unallocated, void>({
      query: () => ({ path: `${V1}/wallets/unallocated_exchange` }),
      providesTags: ['Wallets'],
    }),
    getHistory: build.query<WalletHistory, number>({
      query: (setId) => ({ path: `${V1}/wallets/history/${setId}` }),
      providesTags: ['History'],
    }),
    /** The histories of several wallet sets, in their order. */
    getHistories: build.query<WalletHistory[], readonly number[]>({
      queryFn: async (setIds, _, __, ask) => {
        const found: WalletHistory[] = []
        for (const setId of setIds) {
          const answer = await ask({ path: `${V1}/wallets/history/${setId}` })
          if (answer.error) return { error: answer.error }
          found.push(answer.data as WalletHistory)
        }
        return { data: found }
      },
      providesTags: ['History'],
    }),
    /** Orders, of a run or all, open ones first; they are read from the store, where pushed ones are newer. */
    getOrders: build.query<null, string | void>({
      queryFn: async (runId, api, __, ask) => {
        const query = { run_id: runId ?? undefined, limit: ROWS_MAX }
        const orders = await ask({
          path: `${V1}/orders/recent`,
          query: { include_open: true, ...query },
        })
        if (orders.error) return { error: orders.error }
        const trades = await ask({ path: `${V1}/trades`, query })
        if (trades.error) return { error: trades.error }
        api.dispatch(ordersReceived(orders.data as Order[]))
        api.dispatch(tradesReceived(trades.data as Trade[]))
        return { data: null }
      },
      providesTags: ['Orders'],
    }),
    /** All orders or trades that are kept, page by page; the rows themselves are in the store. */
    getPages: build.infiniteQuery<PageRead, 'orders' | 'trades', number | null>({
      infiniteQueryOptions: {
        initialPageParam: null,
        getNextPageParam: ({ count, last }, pages) =>
          count < ROWS_MAX || isCut(pages) ? undefined : last,
      },
      queryFn: async ({ queryArg, pageParam }, api, _, ask) => {
        const page = { limit: ROWS_MAX, before_id: pageParam ?? undefined }
        const answer = await ask(
          queryArg === 'orders'
            ? { path: `${V1}/orders/recent`, query: { include_open: true, ...page } }
            : { path: `${V1}/trades`, query: page },
        )
        if (answer.error) return { error: answer.error }
        const rows = answer.data as { id: number }[]
        api.dispatch(allWanted())
        api.dispatch(
          queryArg === 'orders' ? ordersReceived(rows as Order[]) : tradesReceived(rows as Trade[]),
        )
        return { data: { count: rows.length, last: rows.at(-1)?.id ?? null } }
      },
      keepUnusedDataFor: Infinity, // like what it has read
    }),
    /** What an order moved in the ledger, newest first. */
    /** The newest lines of the ledger, of an order or of a wallet set. */
    getMovements: build.query<Movement[], { order_id: number } | { wallet_set_id: number }>({
      query: (of) => ({ path: `${V1}/movements`, query: { ...of, limit: ROWS_MAX } }),
      keepUnusedDataFor: 0,
    }),
    getControl: build.query<Control, void>({
      query: () => ({ path: `${V1}/control` }),
      providesTags: ['Control'],
    }),
    /** What xWrap still knows of its log, oldest first; newer records are pushed. */
    getRecentLogs: build.query<LogRecord[], void>({
      queryFn: async (_, __, ___, ask) => {
        const path = `${V1}/notifications`
        const newest = await ask({ path })
        if (newest.error) return { error: newest.error }
        const { last_seq } = newest.data as Notifications
        const found = await ask({ path, query: { seq: Math.max(0, last_seq - LOOKED_BACK) } })
        if (found.error) return { error: found.error }
        const { notifications } = found.data as Notifications
        return {
          data: notifications.flatMap(({ method, params }) =>
            method === 'logmessages' ? [params as LogRecord] : [],
          ),
        }
      },
    }),
    getIncidents: build.query<Incident[], void>({
      query: () => ({ path: `${V1}/control/incidents` }),
      providesTags: ['Control'],
    }),
    makeOrder: build.mutation<[status: string, message: string], NewOrder>({
      query: (body) => ({ path: `${V1}/orders/new`, body }),
    }),
    cancelOrder: build.mutation<Order, { exchange: string; client_order_id: string }>({
      query: (body) => ({ path: `${V1}/orders/cancel`, body }),
      onQueryStarted: async (_, { dispatch, queryFulfilled }) => {
        const done = await queryFulfilled.catch(() => null)
        if (done) dispatch(ordersReceived([done.data]))
      },
    }),
    createWalletSet: build.mutation<
      { id: number },
      { run_id: string; wallets: { exchange: string; currency: string; allocation: Amount }[] }
    >({
      query: (body) => ({ path: `${V1}/wallets/new`, body }),
      // The token is for a run of its own: nothing here has a use for it.
      transformResponse: ({ id }: { id: number }) => ({ id }),
      invalidatesTags: ['Wallets'],
    }),
    allocate: build.mutation<
      unknown,
      { wallet_set_id: number; exchange: string; base: string; movement: Amount }
    >({
      query: (body) => ({ path: `${V1}/wallets/allocate`, body }),
      invalidatesTags: ['Wallets'],
    }),
    deactivate: build.mutation<unknown, { wallet_set_id: number; force: boolean }>({
      query: (body) => ({ path: `${V1}/wallets/deactivate`, body }),
      invalidatesTags: ['Wallets'],
    }),
    addFunds: build.mutation<number, { exchange: string; base: string; movement: Amount }>({
      query: (body) => ({ path: `${V1}/wallets/virtual/transaction`, body }),
      invalidatesTags: ['Wallets'],
    }),
    setKillSwitch: build.mutation<{ level: KillLevel; cancelling: number }, { level: KillLevel }>({
      query: (body) => ({ path: `${V1}/control/kill_switch`, body }),
      invalidatesTags: ['Control'],
    }),
    acknowledge: build.mutation<unknown, { exchange: string; currency: string; note: string }>({
      query: (body) => ({ path: `${V1}/control/acknowledge`, body }),
      invalidatesTags: ['Control', 'Wallets'],
    }),
    login: build.mutation<Session, { name: string; password: string }>({
      query: (body) => ({ path: '/auth/login', body }),
    }),
    changePassword: build.mutation<unknown, { old: string; new: string }>({
      query: (body) => ({ path: '/auth/password', body }),
    }),
    logout: build.mutation<unknown, void>({
      query: () => ({ path: '/auth/logout', body: {} }),
    }),
  }),
})

export const {
  useGetExchangesQuery,
  useGetHealthQuery,
  useGetVersionQuery,
  useGetCandlesQuery,
  useGetWalletsQuery,
  useGetUnallocatedQuery,
  useGetHistoryQuery,
  useGetHistoriesQuery,
  useGetOrdersQuery,
  useGetPagesInfiniteQuery,
  useGetMovementsQuery,
  useGetControlQuery,
  useGetIncidentsQuery,
  useGetRecentLogsQuery,
  useMakeOrderMutation,
  useCancelOrderMutation,
  useCreateWalletSetMutation,
  useAllocateMutation,
  useDeactivateMutation,
  useAddFundsMutation,
  useSetKillSwitchMutation,
  useAcknowledgeMutation,
  useLoginMutation,
  useChangePasswordMutation,
  useLogoutMutation,
} = xwrapApi
