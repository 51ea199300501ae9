/**
 * The one place where what is pushed comes in: it is checked, gathered per frame and dispatched.
 *
 * After a drop the page asks for what it has missed, by number, before it calls itself live again.
 * Socket.IO events bear no number, so the newest one is asked for now and then: what was known the
 * time before has certainly arrived.
 */
import type { UnknownAction } from '@reduxjs/toolkit'
import type { LogRecord, Notifications, Order, Pushed, Trade, WalletSet } from '../api/wire'
import { xwrapApi } from '../api/xwrap'
import { Link, type Socket } from './link'
import {
  connectionChanged,
  marketKey,
  marketReceived,
  type MarketState,
  type Topic,
  topicDropped,
} from './market'
import { ordersReceived, tradesReceived } from './orders'

export interface LiveOptions {
  /** Makes a socket that is not connected yet. */
  open: () => Socket
  /** Asks for notifications after a number, a page after another; without one for the newest number only. */
  catchUp: (seq: number | null, page: number | null) => Promise<Notifications>
  /** Asks for a new token where the service has refused the old one. */
  renew: () => Promise<void>
  dispatch: (action: UnknownAction | ReturnType<typeof xwrapApi.util.updateQueryData>) => unknown
  getState: () => { market: MarketState }
  now?: () => number
}

type Event = { [K in keyof Pushed]: { name: K; params: Pushed[K] } }[keyof Pushed]

const EVENTS = [
  'order',
  'trade',
  'wallet_set',
  'exchstatus',
  'incident',
  'logmessages',
  'ticker',
  'trades',
  'book',
  'candle',
] as const satisfies readonly (keyof Pushed)[]

const CURSOR_MS = 15_000
const SUMMARY_MS = 1000

export class Live {
  readonly #options: LiveOptions
  readonly #link: Link<Event>
  readonly #wanted = new Map<string, { topic: Topic; users: number }>()
  #cursor: number | null = null
  #newest: number | null = null
  #timer: ReturnType<typeof setInterval> | null = null
  #summary: ReturnType<typeof setTimeout> | null = null

  constructor(options: LiveOptions) {
    this.#options = options
    this.#link = new Link({
      open: options.open,
      names: EVENTS,
      connected: (current) => this.#catchUp(current),
      pass: (events) => this.#pass(events),
      renew: options.renew,
      tell: (connection) =>
        options.dispatch(connectionChanged({ connection, at: (options.now ?? Date.now)() })),
    })
  }

  start(): void {
    if (this.#link.start()) this.#timer = setInterval(() => void this.#moveCursor(), CURSOR_MS)
  }

  stop(): void {
    this.#link.stop()
    this.#cursor = this.#newest = null
    for (const timer of [this.#timer, this.#summary]) if (timer !== null) clearTimeout(timer)
    this.#timer = this.#summary = null
  }

  /** Have a pair's market data pushed until the returned function is called. */
  want(topic: Topic): () => void {
    const key = `${topic.channel}:${marketKey(topic.exchange, topic.pair)}`
    const entry = this.#wanted.get(key) ?? { topic, users: 0 }
    this.#wanted.set(key, entry)
    entry.users += 1
    if (entry.users === 1) void this.#ask('subscribe', topic)
    return () => {
      entry.users -= 1
      if (entry.users > 0) return
      this.#wanted.delete(key)
      void this.#ask('unsubscribe', topic)
      this.#options.dispatch(topicDropped(topic))
    }
  }

  async #catchUp(current: () => boolean): Promise<void> {
    let missed: Notifications | null = null
    do {
      missed = await this.#options.catchUp(this.#cursor, missed?.next ?? null)
      if (!current()) return
      this.#link.flush()
      for (const { method, params } of this.#unheard(missed)) this.#link.add(method, params)
      this.#link.flush()
    } while (missed.next)
    this.#cursor = this.#newest = missed.last_seq
    this.#options.dispatch(
      xwrapApi.util.invalidateTags([
        'Exchanges',
        'Health',
        'Wallets',
        'History',
        'Orders',
        'Control',
        'Candles',
      ]),
    )
    for (const { topic } of this.#wanted.values()) void this.#ask('subscribe', topic)
  }

  /** Some may have been pushed before the drop: of what has no number of its own nothing is told twice. */
  #unheard({ notifications }: Notifications): Notifications['notifications'] {
    const keyOf = ({ created, message }: LogRecord) => `${created} ${message}`
    const heard = new Set(this.#options.getState().market.logs.map(keyOf))
    return notifications.filter(
      ({ method, params }) => method !== 'logmessages' || !heard.has(keyOf(params as LogRecord)),
    )
  }

  async #moveCursor(): Promise<void> {
    const before = this.#cursor
    if (!this.#link.isLive()) return
    const newest = await this.#options.catchUp(null, null).catch(() => null)
    // Over a drop the cursor has to stay where it was.
    if (newest === null || !this.#link.isLive() || before !== this.#cursor) return
    this.#cursor = this.#newest
    this.#newest = newest.last_seq
  }

  #ask(what: 'subscribe' | 'unsubscribe', topic: Topic): Promise<void> {
    return this.#link.ask(what, topic)
  }

  #pass(events: Event[]): void {
    const { dispatch } = this.#options
    const of = <K extends keyof Pushed>(name: K): Pushed[K][] =>
      events.flatMap((event) => (event.name === name ? [event.params as Pushed[K]] : []))
    const market = {
      at: (this.#options.now ?? Date.now)(),
      tickers: of('ticker'),
      books: of('book'),
      prints: of('trades'),
      logs: of('logmessages'),
    }
    if (Object.values(market).some((each) => Array.isArray(each) && each.length > 0)) {
      dispatch(marketReceived(market))
      this.#repairBooks(market.books)
    }
    const orders: Order[] = of('order')
    if (orders.length) dispatch(ordersReceived(orders))
    const trades: Trade[] = of('trade')
    if (trades.length) dispatch(tradesReceived(trades))
    const sets = of('wallet_set')
    if (sets.length) {
      dispatch(
        xwrapApi.util.updateQueryData('getWallets', undefined, (known) => {
          known.sets = newest(known.sets, sets)
        }),
      )
      this.#refreshSummaries()
    }
    if (of('exchstatus').length) dispatch(xwrapApi.util.invalidateTags(['Exchanges', 'Health']))
    if (of('incident').length) dispatch(xwrapApi.util.invalidateTags(['Control']))
    for (const message of of('candle'))
      dispatch(xwrapApi.util.invalidateTags(message.points.length ? ['Candles'] : []))
  }

  /** Subscribe anew to books that have missed a message. */
  #repairBooks(messages: Pushed['book'][]): void {
    const { books } = this.#options.getState().market
    const broken = new Map(messages.map((each) => [marketKey(each.exchange, each.pair), each]))
    for (const [key, { exchange, pair }] of broken)
      if (books[key] === null && this.#wanted.has(`book:${key}`))
        void this.#ask('subscribe', { channel: 'book', exchange, pair })
  }

  /** Sums are not pushed: they are asked for again, at most once a second. */
  #refreshSummaries(): void {
    this.#summary ??= setTimeout(() => {
      this.#summary = null
      this.#options.dispatch(xwrapApi.util.invalidateTags(['Wallets']))
    }, SUMMARY_MS)
  }
}

function newest(known: WalletSet[], pushed: WalletSet[]): WalletSet[] {
  const sets = new Map(known.map((set) => [set.id, set]))
  for (const set of pushed)
    if (set.type === 'logical' && set.timestamp >= (sets.get(set.id)?.timestamp ?? 0)) {
      if (set.active) sets.set(set.id, set)
      else sets.delete(set.id)
    }
  return [...sets.values()]
}
