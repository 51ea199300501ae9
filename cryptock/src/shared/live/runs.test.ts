import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeSocket } from '@/testing/socket'
import { cryptickApi } from '../api/cryptick'
import type { ComponentFormat, Run, RunsPushed, RunSummary } from '../api/runs'
import { makeStore } from '../store'
import { RunsLive, selectHub } from './runs'

const RUN = 'cross_0'
const REFRESH_MS = 1000

async function connected() {
  const store = makeStore()
  const socket = new FakeSocket()
  const read: unknown[][] = []
  const live = new RunsLive({
    open: () => socket,
    renew: () => Promise.resolve(),
    dispatch: (action) => {
      if (cryptickApi.util.invalidateTags.match(action)) read.push(action.payload)
      return store.dispatch(action as never)
    },
    getState: () => store.getState(),
  })
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  const hear = async (event: string, argument?: unknown) => {
    socket.hear(event, argument)
    await settle()
  }
  const push = async <K extends keyof RunsPushed>(event: K, ...params: RunsPushed[K][]) => {
    for (const each of params) socket.hear(event, each)
    await settle(20)
  }
  const component = (seq: number, rows: number, generation = 1): RunsPushed['component'] => ({
    run_id: RUN,
    seq,
    component: { id: 'equity', change: 'rows', generation, rows },
  })
  const known = () => {
    const state = store.getState()
    return {
      listed: cryptickApi.endpoints.getRuns.select()(state).data?.[0],
      run: cryptickApi.endpoints.getRun.select(RUN)(state).data,
      rows: cryptickApi.endpoints.getComponents.select(RUN)(state).data?.[0]?.rows,
    }
  }
  live.start()
  await settle()
  // Only now: on connecting, what nobody looks at is forgotten.
  const run = { run_id: RUN, state: 'running', label: '' } as RunSummary
  const format = { id: 'equity', generation: 1, rows: 3, value: null } as ComponentFormat
  const { upsertQueryData } = cryptickApi.util
  await store.dispatch(upsertQueryData('getRuns', undefined, [run]))
  await store.dispatch(upsertQueryData('getRun', RUN, run as Run))
  await store.dispatch(upsertQueryData('getComponents', RUN, [format]))
  read.length = 0
  return { store, socket, live, read, settle, hear, push, component, known }
}

const all = [
  { type: 'Run', id: RUN },
  { type: 'Components', id: RUN },
  { type: 'Tables', id: RUN },
  'Runs',
]

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('what is pushed of runs', () => {
  it('is put into what is known of them', async () => {
    const { push, known, read, settle } = await connected()
    await push('run', { run_id: RUN, seq: 1, state: 'paused', label: 'mine' })
    expect(known().listed).toMatchObject({ state: 'paused', label: 'mine' })
    expect(known().run).toMatchObject({ state: 'paused', label: 'mine' })
    await settle(REFRESH_MS)
    expect(read).toEqual([[{ type: 'Tables', id: RUN }]])
  })

  it.each(['stopped', 'failed'] as const)(
    'has all of a run read again when it is %s',
    async (state) => {
      const { push, read, settle } = await connected()
      await push('run', { run_id: RUN, seq: 1, state })
      await settle(REFRESH_MS)
      expect(read).toEqual([expect.arrayContaining(all)])
    },
  )

  it('has the list read again for a run that is not in it', async () => {
    const { push, read, settle } = await connected()
    await push('run', { run_id: 'new_0', seq: 1, state: 'starting' })
    await settle(REFRESH_MS)
    expect(read.flat()).toContain('Runs')
  })

  it('has all of a run read again where a number is missing, once a second at most', async () => {
    const { push, component, read, settle } = await connected()
    await push('component', component(4, 4), component(5, 5))
    await settle(REFRESH_MS)
    expect(read).toEqual([])
    await push('component', component(7, 6))
    await push('component', component(9, 7))
    await settle(REFRESH_MS)
    expect(read).toEqual([expect.arrayContaining(all)])
    expect(read[0]).toHaveLength(all.length)
  })

  it('does not take the first number after a drop for a gap', async () => {
    const { push, hear, component, read, settle } = await connected()
    await push('component', component(4, 4))
    await hear('disconnect', 'transport close')
    await hear('connect')
    expect(read).toEqual([expect.arrayContaining(['Runs', 'Run', 'Components', 'Tables'])])
    await push('component', component(9, 5))
    await settle(REFRESH_MS)
    expect(read[1]).toEqual([{ type: 'Components', id: RUN }])
  })
})

describe('a component', () => {
  it('is known to have grown without being read', async () => {
    const { push, component, known, read, settle } = await connected()
    await push('component', component(1, 4), component(2, 9))
    expect(known().rows).toBe(9)
    await settle(REFRESH_MS)
    expect(read).toEqual([])
  })

  it.each([
    ['its rows are others', 5, 2],
    ['its rows are as many as before', 3, 1],
  ])('is read again where %s', async (_, rows, generation) => {
    const { push, component, known, read, settle } = await connected()
    await push('component', component(1, rows, generation))
    expect(known().rows).toBe(3)
    await settle(REFRESH_MS)
    expect(read).toEqual([[{ type: 'Components', id: RUN }]])
  })
})

describe('what a run writes', () => {
  const message = { run_id: RUN, messages: [], last: 1 }

  it('is asked for once for all who follow it, and told to them alone', async () => {
    const { live, socket, push } = await connected()
    const heard: string[] = []
    const ends = ['a', 'b'].map((name) => live.follow(RUN, 'messages', () => heard.push(name)))
    live.follow('other_0', 'messages', () => heard.push('other'))
    live.follow(RUN, 'log', () => heard.push('log'))
    const asked = (event: string) =>
      socket.asked.filter((each) => each.event === event).map(({ argument }) => argument)
    expect(asked('subscribe')).toEqual([
      { run_id: RUN, channel: 'messages' },
      { run_id: 'other_0', channel: 'messages' },
      { run_id: RUN, channel: 'log' },
    ])
    await push('message', message)
    expect(heard).toEqual(['a', 'b'])
    ends[0]?.()
    expect(asked('unsubscribe')).toEqual([])
    await push('message', message)
    expect(heard).toEqual(['a', 'b', 'b'])
    ends[1]?.()
    expect(asked('unsubscribe')).toEqual([{ run_id: RUN, channel: 'messages' }])
    await push('message', message)
    expect(heard).toHaveLength(3)
  })

  it('is followed again after a drop, as far as somebody still does', async () => {
    const { store, live, socket, hear } = await connected()
    const end = live.follow(RUN, 'messages', () => undefined)
    await hear('disconnect', 'transport close')
    expect(selectHub(store.getState()).connection).toBe('lost')
    end()
    live.follow(RUN, 'log', () => undefined)
    socket.asked.length = 0
    await hear('connect')
    expect(socket.asked).toEqual([
      { event: 'subscribe', argument: { run_id: RUN, channel: 'log' } },
    ])
    expect(selectHub(store.getState()).connection).toBe('live')
  })

  it('is read no more when the page is left', async () => {
    const { live, push, component, read, settle } = await connected()
    await push('component', component(1, 1, 5))
    live.stop()
    await settle(REFRESH_MS)
    expect(read).toEqual([])
  })
})
