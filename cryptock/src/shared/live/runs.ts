/** What Cryptick pushes of runs and their components: gathered per frame, into what is shown of them. */
import { createSlice, type PayloadAction } from '@reduxjs/toolkit'
import { cryptickApi } from '../api/cryptick'
import type { RunsPushed } from '../api/runs'
import { type ConnectionState, Link, type Socket } from './link'

export type Followed = 'messages' | 'log'

export interface HubState {
  connection: ConnectionState
  /** Since when, in ms since 1970. */
  since: number
}

export const hubSlice = createSlice({
  name: 'hub',
  initialState: (): HubState => ({ connection: 'connecting', since: 0 }),
  reducers: {
    hubChanged: (state, { payload }: PayloadAction<HubState>) =>
      state.connection === payload.connection ? state : payload,
  },
  selectors: { selectHub: (state) => state },
})

const { hubChanged } = hubSlice.actions
export const { selectHub } = hubSlice.selectors

export interface RunsLiveOptions {
  /** Makes a socket that is not connected yet. */
  open: () => Socket
  renew: () => Promise<void>
  dispatch: (action: unknown) => unknown
  getState: () => RunsState
  now?: () => number
}

type RunsState = Parameters<ReturnType<typeof cryptickApi.endpoints.getRuns.select>>[0]
type Event = { [K in keyof RunsPushed]: { name: K; params: RunsPushed[K] } }[keyof RunsPushed]
type Heard = (event: RunsPushed['message'] | RunsPushed['log']) => void

type Tag = 'Runs' | { type: 'Run' | 'Components' | 'Tables'; id: string }

const EVENTS = ['run', 'component', 'message', 'log'] as const satisfies readonly Event['name'][]
const REFRESH_MS = 1000

export class RunsLive {
  readonly #options: RunsLiveOptions
  readonly #link: Link<Event>
  readonly #followers = new Map<string, { runId: string; channel: Followed; heard: Set<Heard> }>()
  readonly #stale = new Map<string, Tag>()
  /** The number of the newest event of each run. */
  readonly #numbers = new Map<string, number>()
  #refresh: ReturnType<typeof setTimeout> | null = null

  constructor(options: RunsLiveOptions) {
    this.#options = options
    this.#link = new Link({
      open: options.open,
      names: EVENTS,
      connected: () => this.#catchUp(),
      pass: (events) => this.#pass(events),
      renew: options.renew,
      tell: (connection) =>
        options.dispatch(hubChanged({ connection, since: (options.now ?? Date.now)() })),
    })
  }

  start(): void {
    this.#link.start()
  }

  stop(): void {
    this.#link.stop()
    this.#numbers.clear()
    this.#stale.clear()
    if (this.#refresh !== null) clearTimeout(this.#refresh)
    this.#refresh = null
  }

  /** Hear what a run writes from now on, until the returned function is called. */
  follow(runId: string, channel: Followed, heard: Heard): () => void {
    const key = `${channel}:${runId}`
    const entry = this.#followers.get(key) ?? { runId, channel, heard: new Set() }
    this.#followers.set(key, entry)
    entry.heard.add(heard)
    if (entry.heard.size === 1) void this.#link.ask('subscribe', { run_id: runId, channel })
    return () => {
      entry.heard.delete(heard)
      if (entry.heard.size > 0) return
      this.#followers.delete(key)
      void this.#link.ask('unsubscribe', { run_id: runId, channel })
    }
  }

  /** What was missed is read again; the pages of messages and logs are numbered by themselves. */
  async #catchUp(): Promise<void> {
    this.#numbers.clear()
    this.#options.dispatch(
      cryptickApi.util.invalidateTags(['Runs', 'Run', 'Components', 'Tables', 'Runnables']),
    )
    for (const { runId, channel } of this.#followers.values())
      await this.#link.ask('subscribe', { run_id: runId, channel })
  }

  #pass(events: Event[]): void {
    for (const event of events) {
      if (event.name === 'message') this.#tell('messages', event.params)
      else if (event.name === 'log') this.#tell('log', event.params)
      else {
        this.#count(event.params)
        if (event.name === 'run') this.#run(event.params)
        else this.#component(event.params)
      }
    }
  }

  #tell(channel: Followed, params: RunsPushed['message'] | RunsPushed['log']): void {
    for (const heard of this.#followers.get(`${channel}:${params.run_id}`)?.heard ?? [])
      heard(params)
  }

  /** Read all of a run again where an event of it is missing. */
  #count({ run_id, seq }: { run_id: string; seq: number }): void {
    const before = this.#numbers.get(run_id)
    this.#numbers.set(run_id, seq)
    if (before !== undefined && seq !== before + 1) this.#readAgain(run_id)
  }

  #run(fields: RunsPushed['run']): void {
    const { dispatch, getState } = this.#options
    const runs = cryptickApi.endpoints.getRuns.select()(getState()).data ?? []
    const known = runs.some(({ run_id }) => run_id === fields.run_id)
    dispatch(
      cryptickApi.util.updateQueryData('getRuns', undefined, (drafts) => {
        for (const run of drafts) if (run.run_id === fields.run_id) Object.assign(run, fields)
      }),
    )
    dispatch(
      cryptickApi.util.updateQueryData('getRun', fields.run_id, (run) => {
        Object.assign(run, fields)
      }),
    )
    const ended = fields.state === 'stopped' || fields.state === 'failed'
    if (!known || ended) this.#readAgain(fields.run_id)
    else this.#mark(fields.run_id, 'Tables')
  }

  #component({ run_id, component }: RunsPushed['component']): void {
    const { dispatch, getState } = this.#options
    const { data } = cryptickApi.endpoints.getComponents.select(run_id)(getState())
    const { id, generation, rows } = component
    const known = data?.find((each) => each.id === id)
    if (known?.generation === generation && rows > known.rows)
      dispatch(
        cryptickApi.util.updateQueryData('getComponents', run_id, (formats) => {
          for (const format of formats) if (format.id === id) format.rows = rows
        }),
      )
    // What else is in a format, such as its value or its options, is not pushed.
    else this.#mark(run_id, 'Components')
  }

  #readAgain(runId: string): void {
    this.#mark(runId, 'Run', 'Components', 'Tables')
    this.#stale.set('Runs', 'Runs')
  }

  /** Have what is known of a run read again, at most once a second. */
  #mark(id: string, ...types: ('Run' | 'Components' | 'Tables')[]): void {
    for (const type of types) this.#stale.set(`${type} ${id}`, { type, id })
    this.#refresh ??= setTimeout(() => {
      this.#refresh = null
      const tags = [...this.#stale.values()]
      this.#stale.clear()
      this.#options.dispatch(cryptickApi.util.invalidateTags(tags))
    }, REFRESH_MS)
  }
}
