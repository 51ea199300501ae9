import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeSocket } from '@/testing/socket'
import type { LogRecord, Notifications, Order, Pushed, Trade } from '../api/wire'
import { xwrapApi } from '../api/xwrap'
import { makeStore } from '../store'
import { Live } from './live'
import { marketReceived, selectBook, selectConnection, selectLogs } from './market'
import { ordersReceived, selectOrder, selectOrders, selectTrades } from './orders'

const TICK_MS = 15_000
const RETRY_MS = 2000

const order = (id: number, status: string, at = '1') =>
  ({ id, status, last_updated_at: at }) as Order
const trade = (id: number) => ({ id, order_id: 1 }) as Trade
const log = (created: number, message: string) => ({ created, message }) as LogRecord
const told = <K extends keyof Pushed>(method: K, params: Pushed[K]) => ({ method, params })
const answer = (
  last_seq: number,
  notifications: Notifications['notifications'] = [],
  rest: Partial<Notifications> = {},
): Notifications => ({ notifications, last_seq, complete: true, next: null, ...rest })

/** An answer that comes when the test says so. */
function later() {
  let resolve: (answer: Notifications) => void = () => undefined
  const promise = new Promise<Notifications>((done) => (resolve = done))
  return { promise, resolve }
}

type Answer = Notifications | Promise<Notifications> | Error

/** A page's connection; what xWrap answers is given beforehand, in order. */
function connection(...answers: Answer[]) {
  const store = makeStore()
  const socket = new FakeSocket()
  const asked: [seq: number | null, page: number | null][] = []
  const dispatched: unknown[] = []
  const live = new Live({
    open: () => socket,
    catchUp: (seq, page) => {
      asked.push([seq, page])
      const next = answers.shift()
      if (next === undefined) throw new Error('nobody expects that this is asked')
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next)
    },
    renew: () => Promise.resolve(),
    dispatch: (action) => {
      dispatched.push(action)
      return store.dispatch(action as never)
    },
    getState: () => store.getState(),
  })
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  const hear = async (event: string, argument?: unknown) => {
    socket.hear(event, argument)
    await settle()
  }
  const push = async <K extends keyof Pushed>(event: K, ...params: Pushed[K][]) => {
    for (const each of params) socket.hear(event, each)
    await settle(20)
  }
  const start = async () => {
    live.start()
    await settle()
  }
  const drop = () => hear('disconnect', 'transport close')
  const state = () => selectConnection(store.getState())
  return { store, socket, live, asked, dispatched, settle, hear, push, start, drop, state }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('what was missed over a drop', () => {
  it('is asked for by number and told in its order before the page calls itself live', async () => {
    const { store, asked, start, drop, hear, state } = connection(
      answer(10),
      answer(14, [
        told('order', order(1, 'open')),
        told('order', order(1, 'done')),
        told('trade', trade(1)),
      ]),
    )
    await start()
    expect(state()).toBe('live')
    await drop()
    expect(state()).toBe('lost')
    const states: string[] = []
    store.subscribe(() =>
      states.push(`${state()}, ${selectOrder(store.getState(), 1)?.status ?? 'unknown'}`),
    )
    await hear('connect')
    expect(asked).toEqual([
      [null, null],
      [10, null],
    ])
    expect(states[0]).toBe('catching-up, unknown')
    expect(states).not.toContain('live, unknown')
    expect(states.at(-1)).toBe('live, done')
    expect(selectTrades(store.getState())).toHaveLength(1)
  })

  it('is told once, and never over something newer', async () => {
    const { store, start, push, drop, hear } = connection(
      answer(10),
      answer(13, [
        told('order', order(1, 'open', '1')),
        told('trade', trade(7)),
        told('logmessages', log(3, 'heard')),
        told('logmessages', log(4, 'missed')),
      ]),
    )
    await start()
    await push('order', order(1, 'done', '2'))
    await push('trade', trade(7))
    await push('logmessages', log(3, 'heard'))
    await drop()
    await hear('connect')
    expect(selectOrder(store.getState(), 1)?.status).toBe('done')
    expect(selectTrades(store.getState())).toHaveLength(1)
    expect(selectLogs(store.getState()).map(({ message }) => message)).toEqual(['heard', 'missed'])
  })

  it('is not lost when it can’t be asked for at first', async () => {
    const { store, asked, start, drop, hear, state, settle } = connection(
      answer(10),
      new Error('xWrap gives no answer'),
      answer(12, [told('order', order(1, 'done'))]),
    )
    await start()
    await drop()
    await hear('connect')
    expect(state()).toBe('catching-up')
    await settle(RETRY_MS)
    expect(asked.slice(1)).toEqual([
      [10, null],
      [10, null],
    ])
    expect(state()).toBe('live')
    expect(selectOrder(store.getState(), 1)?.status).toBe('done')
  })

  it('is asked for again where the connection drops before the answer', async () => {
    const late = later()
    const { store, asked, start, drop, hear, settle, state } = connection(
      answer(10),
      late.promise,
      answer(12, [told('order', order(1, 'done'))]),
    )
    await start()
    await drop()
    await hear('connect')
    await drop()
    late.resolve(answer(11, [told('order', order(2, 'done'))]))
    await settle()
    expect(state()).toBe('lost')
    expect(selectOrders(store.getState())).toEqual([])
    await hear('connect')
    expect(asked.at(-1)).toEqual([10, null])
    expect(selectOrder(store.getState(), 1)?.status).toBe('done')
  })

  it('comes in pages where xWrap has forgotten it, and everything else is read anew', async () => {
    const { store, asked, dispatched, start, drop, hear, state } = connection(
      answer(10),
      answer(90, [told('order', order(1, 'done'))], { complete: false, next: 77 }),
      answer(99, [told('order', order(2, 'done'))], { complete: false }),
      answer(99),
    )
    await start()
    await drop()
    dispatched.length = 0
    await hear('connect')
    expect(asked.slice(1)).toEqual([
      [10, null],
      [10, 77],
    ])
    expect(selectOrders(store.getState()).map(({ id }) => id)).toEqual([2, 1])
    expect(state()).toBe('live')
    const [read] = dispatched.filter(xwrapApi.util.invalidateTags.match)
    expect(read?.payload).toEqual(
      expect.arrayContaining(['Exchanges', 'Health', 'Wallets', 'Orders', 'Control', 'Candles']),
    )
    await drop()
    await hear('connect')
    expect(asked.at(-1)).toEqual([99, null])
  })

  it('is asked for from its beginning where one of its pages does not come', async () => {
    const { store, asked, start, drop, hear, settle } = connection(
      answer(10),
      answer(90, [told('order', order(1, 'done'))], { complete: false, next: 77 }),
      new Error('xWrap gives no answer'),
      answer(95, [told('order', order(1, 'done')), told('order', order(2, 'done'))]),
    )
    await start()
    await drop()
    await hear('connect')
    await settle(RETRY_MS)
    expect(asked.slice(1)).toEqual([
      [10, null],
      [10, 77],
      [10, null],
    ])
    expect(selectOrders(store.getState()).map(({ id }) => id)).toEqual([2, 1])
  })
})

describe('the number from which is asked', () => {
  it('moves only over what has surely arrived', async () => {
    const { asked, start, drop, hear, settle } = connection(
      answer(10),
      answer(20),
      answer(30),
      answer(40),
      answer(40),
    )
    await start()
    await settle(TICK_MS) // 20 is the newest now: what led to it may still be on its way
    await settle(TICK_MS) // but not any more
    await settle(TICK_MS)
    await drop()
    await hear('connect')
    expect(asked.at(-1)).toEqual([30, null])
  })

  it('stays where it was when the first tick was the last', async () => {
    const { asked, start, drop, hear, settle } = connection(answer(10), answer(20), answer(21))
    await start()
    await settle(TICK_MS)
    await drop()
    await hear('connect')
    expect(asked.at(-1)).toEqual([10, null])
  })

  it('does not move by an answer from over a drop', async () => {
    const late = later()
    const { asked, start, drop, hear, settle } = connection(
      answer(10),
      answer(20),
      late.promise,
      answer(40),
    )
    await start()
    await settle(TICK_MS)
    await settle(TICK_MS)
    await drop()
    late.resolve(answer(30))
    await settle()
    await hear('connect')
    expect(asked.at(-1)).toEqual([10, null])
  })

  it('is not asked for while there is no connection', async () => {
    const { asked, start, drop, settle } = connection(answer(10))
    await start()
    await drop()
    await settle(4 * TICK_MS)
    expect(asked).toHaveLength(1)
  })
})

describe('what is pushed', () => {
  it('is handed on once per frame, in its order', async () => {
    const { store, dispatched, start, push } = connection(answer(10))
    await start()
    dispatched.length = 0
    await push(
      'order',
      ...Array.from({ length: 500 }, (_, at) => order(at % 10, at < 490 ? 'open' : 'done')),
    )
    expect(dispatched.filter(ordersReceived.match)).toHaveLength(1)
    expect(selectOrders(store.getState()).map(({ status }) => status)).toEqual(
      Array(10).fill('done'),
    )
  })

  it('is handed on once a second where no frames are drawn', async () => {
    vi.stubGlobal('requestAnimationFrame', () => 0)
    const { dispatched, start, push, settle } = connection(answer(10))
    await start()
    await push('order', order(1, 'open'), order(2, 'open'))
    expect(dispatched.filter(ordersReceived.match)).toHaveLength(0)
    await settle(1000)
    expect(dispatched.filter(ordersReceived.match)).toHaveLength(1)
  })

  it('is subscribed to again after a drop, over which no book is shown', async () => {
    const { store, socket, live, start, push, drop, hear } = connection(answer(10), answer(10))
    const topic = { channel: 'book', exchange: 'gdax', pair: 'BTC_USD' } as const
    const end = live.want(topic)
    live.want({ ...topic, channel: 'ticker' })
    expect(socket.asked).toEqual([]) // there is nobody yet who could be asked
    await start()
    const book = { bids: [], asks: [], sequence: 1, state: 'live', time: '' }
    await push('book', { exchange: 'gdax', pair: 'BTC_USD', type: 'snapshot', ...book })
    expect(selectBook(store.getState(), 'gdax', 'BTC_USD')).not.toBeNull()
    await drop()
    expect(selectBook(store.getState(), 'gdax', 'BTC_USD')).toBeNull()
    end()
    socket.asked.length = 0
    await hear('connect')
    expect(socket.asked).toEqual([
      { event: 'subscribe', argument: { ...topic, channel: 'ticker' } },
    ])
  })

  it('is forgotten when the page is left', async () => {
    const { socket, live, dispatched, start, settle, asked } = connection(answer(10))
    await start()
    socket.hear('ticker', { exchange: 'gdax', pair: 'BTC_USD' })
    live.stop()
    await settle(4 * TICK_MS)
    expect(dispatched.filter(marketReceived.match)).toEqual([])
    expect(asked).toHaveLength(1)
  })
})
