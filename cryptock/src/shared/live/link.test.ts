import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeSocket } from '@/testing/socket'
import { Link } from './link'

const RETRY_MS = 2000

interface Event {
  name: string
  params: unknown
}

function linked(connected: (current: () => boolean) => Promise<void> = () => Promise.resolve()) {
  const socket = new FakeSocket()
  const passed: Event[][] = []
  const states: string[] = []
  let renewals = 0
  const link = new Link<Event>({
    open: () => socket,
    names: ['order', 'trade'],
    connected,
    pass: (events) => passed.push(events),
    renew: () => {
      renewals += 1
      return Promise.resolve()
    },
    tell: (state) => states.push(state),
  })
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  const hear = async (event: string, argument?: unknown) => {
    socket.hear(event, argument)
    await settle()
  }
  return { link, socket, passed, states, settle, hear, renewals: () => renewals }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a connection', () => {
  it('is live once it has caught up, and starts once', async () => {
    const { link, states, settle, socket } = linked()
    expect(link.start()).toBe(true)
    expect(link.start()).toBe(false)
    expect(link.isLive()).toBe(false)
    await settle()
    expect(states).toEqual(['catching-up', 'live'])
    expect(link.isLive()).toBe(true)
    expect(socket.connects).toBe(1)
  })

  it('tries again to catch up, as often as it takes', async () => {
    let fails = 3
    const { link, states, settle } = linked(() =>
      fails-- > 0 ? Promise.reject(new Error('not now')) : Promise.resolve(),
    )
    link.start()
    await settle(3 * RETRY_MS)
    expect(states).toEqual(['catching-up', 'catching-up', 'catching-up', 'catching-up', 'live'])
  })

  it('is not called live by the catching up of one before it', async () => {
    const rounds: { done: () => void; current: () => boolean }[] = []
    const { link, states, hear, settle } = linked(
      (current) => new Promise((done) => rounds.push({ done, current })),
    )
    link.start()
    await settle()
    await hear('disconnect', 'transport close')
    await hear('connect')
    rounds[0]?.done()
    await settle()
    expect(rounds.map(({ current }) => current())).toEqual([false, true])
    expect(states.at(-1)).toBe('catching-up')
    rounds[1]?.done()
    await settle()
    expect(states.at(-1)).toBe('live')
  })

  it('waits for its socket where the network was lost', async () => {
    const { link, socket, hear, settle, renewals } = linked()
    link.start()
    await settle()
    await hear('disconnect', 'transport close')
    await settle(10 * RETRY_MS)
    expect(socket.connects).toBe(1)
    expect(renewals()).toBe(0)
  })

  it.each([
    ['connect_error', undefined],
    ['disconnect', 'io server disconnect'],
  ])('asks for a new token after %s, then connects again', async (event, reason) => {
    const { link, socket, hear, settle, renewals, states } = linked()
    link.start()
    await settle()
    await hear(event, reason)
    expect(states.at(-1)).toBe('lost')
    expect(socket.connects).toBe(1)
    await settle(RETRY_MS)
    expect(renewals()).toBe(1)
    expect(socket.connects).toBe(2)
    expect(states.at(-1)).toBe('live')
  })

  it('passes what is its own, all of a frame at once and in its order', async () => {
    const { link, socket, passed, settle } = linked()
    link.start()
    await settle()
    socket.hear('order', 1)
    socket.hear('trade', 2)
    socket.hear('weather', 3)
    link.add('weather', 4)
    link.add('order', 5)
    expect(passed).toEqual([])
    await settle(20)
    const events = [
      { name: 'order', params: 1 },
      { name: 'trade', params: 2 },
      { name: 'order', params: 5 },
    ]
    expect(passed).toEqual([events])
    socket.hear('trade', 6)
    link.flush()
    await settle(20)
    expect(passed).toEqual([events, [{ name: 'trade', params: 6 }]])
  })

  it('asks only where somebody hears it, and minds no refusal', async () => {
    const { link, socket, hear, settle } = linked()
    await link.ask('subscribe', 1)
    link.start()
    await link.ask('subscribe', 2)
    expect(socket.asked).toEqual([])
    await settle()
    vi.spyOn(socket, 'emitWithAck').mockRejectedValueOnce(new Error('not connected'))
    await link.ask('subscribe', 3)
    await link.ask('subscribe', 4)
    expect(socket.asked).toEqual([{ event: 'subscribe', argument: 4 }])
    await hear('disconnect', 'transport close')
    await link.ask('subscribe', 5)
    expect(socket.asked).toHaveLength(1)
  })

  it('ends for good: nothing is passed on, tried or renewed', async () => {
    const { link, socket, passed, states, hear, settle, renewals } = linked()
    link.start()
    await settle()
    socket.hear('order', 1)
    await hear('connect_error')
    link.stop()
    await settle(10 * RETRY_MS)
    expect(states.at(-1)).toBe('connecting')
    expect(passed).toEqual([])
    expect(renewals()).toBe(0)
    expect(socket.connects).toBe(1)
  })
})
