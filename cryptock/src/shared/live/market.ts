/** Market data as it is pushed, and the truth about the connection that pushes it. */
import { createSlice, original, type PayloadAction } from '@reduxjs/toolkit'
import type { BookMessage, Channel, LogRecord, TickerMessage, TradeMessage } from '../api/wire'
import { applyBook, type Book } from './book'
import type { ConnectionState } from './link'

const PRINTS_MAX = 50
const LOGS_MAX = 1000

export interface Topic {
  channel: Channel
  exchange: string
  pair: string
}

export const marketKey = (exchange: string, pair: string): string => `${exchange}:${pair}`

export interface Ticker extends TickerMessage {
  receivedAt: number
}

export interface MarketState {
  connection: ConnectionState
  /** Since when, in ms since 1970. */
  since: number
  tickers: Record<string, Ticker>
  books: Record<string, Book | null>
  prints: Record<string, TradeMessage[]>
  logs: LogRecord[]
}

const initialState: MarketState = {
  connection: 'connecting',
  since: 0,
  tickers: {},
  books: {},
  prints: {},
  logs: [],
}

/** Everything of one frame. */
export interface MarketBatch {
  at: number
  tickers: TickerMessage[]
  books: BookMessage[]
  prints: TradeMessage[]
  logs: LogRecord[]
}

export const marketSlice = createSlice({
  name: 'market',
  initialState,
  reducers: {
    connectionChanged: (
      state,
      { payload }: PayloadAction<{ connection: MarketState['connection']; at: number }>,
    ) => {
      if (state.connection === payload.connection) return
      state.connection = payload.connection
      state.since = payload.at
      // Books build on what was sent before: without a connection they are history.
      if (payload.connection === 'lost') state.books = {}
    },
    // Written without drafts: books have thousands of levels, twenty times a second.
    marketReceived: (draft, { payload }: PayloadAction<MarketBatch>): MarketState => {
      const state = original(draft) as MarketState
      const tickers = { ...state.tickers }
      for (const each of payload.tickers)
        tickers[marketKey(each.exchange, each.pair)] = { ...each, receivedAt: payload.at }
      const books = { ...state.books }
      for (const each of payload.books) {
        const key = marketKey(each.exchange, each.pair)
        books[key] = applyBook(books[key] ?? null, each)
      }
      const prints = { ...state.prints }
      for (const each of payload.prints) {
        const key = marketKey(each.exchange, each.pair)
        prints[key] = [each, ...(prints[key] ?? [])].slice(0, PRINTS_MAX)
      }
      const logs = payload.logs.length
        ? [...state.logs, ...payload.logs].slice(-LOGS_MAX)
        : state.logs
      return { ...state, tickers, books, prints, logs }
    },
    topicDropped: (state, { payload }: PayloadAction<Topic>) => {
      const key = marketKey(payload.exchange, payload.pair)
      const without = <T>(known: Record<string, T>): Record<string, T> =>
        Object.fromEntries(Object.entries(known).filter(([each]) => each !== key))
      if (payload.channel === 'book') state.books = without(state.books)
      if (payload.channel === 'trades') state.prints = without(state.prints)
    },
  },
  selectors: {
    selectConnection: (state) => state.connection,
    selectConnectionSince: (state) => state.since,
    selectTicker: (state, exchange: string, pair: string) =>
      state.tickers[marketKey(exchange, pair)],
    selectTickers: (state) => state.tickers,
    selectBook: (state, exchange: string, pair: string) =>
      state.books[marketKey(exchange, pair)] ?? null,
    selectPrints: (state, exchange: string, pair: string) =>
      state.prints[marketKey(exchange, pair)],
    selectLogs: (state) => state.logs,
  },
})

export const { connectionChanged, marketReceived, topicDropped } = marketSlice.actions
export const {
  selectConnection,
  selectConnectionSince,
  selectTicker,
  selectTickers,
  selectBook,
  selectPrints,
  selectLogs,
} = marketSlice.selectors
