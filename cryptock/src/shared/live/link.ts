/** A Socket.IO connection that gathers what is pushed per frame, and connects again by itself. */
import { Frame } from './frame'

/** What is used of Socket.IO's client. */
export interface Socket {
  on(event: string, heard: (argument: unknown) => void): unknown
  emitWithAck(event: string, argument: unknown): Promise<unknown>
  connect(): unknown
  disconnect(): unknown
}

export type ConnectionState = 'connecting' | 'catching-up' | 'live' | 'lost'

export interface LinkOptions<Event> {
  /** Makes a socket that is not connected yet. */
  open: () => Socket
  names: readonly string[]
  /** Catches up with what was missed; `current` tells whether that still matters. Rejects to be called again. */
  connected: (current: () => boolean) => Promise<void>
  /** All events of one frame, in their order. */
  pass: (events: Event[]) => void
  /** Asks for a new token where the service has refused the old one. */
  renew: () => Promise<void>
  tell: (connection: ConnectionState) => void
}

const RETRY_MS = 2000

export class Link<Event extends { name: string; params: unknown }> {
  readonly #options: LinkOptions<Event>
  readonly #frame: Frame<Event>
  #socket: Socket | null = null
  #state: ConnectionState = 'connecting'
  #round = 0
  #retry: ReturnType<typeof setTimeout> | null = null

  constructor(options: LinkOptions<Event>) {
    this.#options = options
    this.#frame = new Frame((events) => options.pass(events))
  }

  isLive(): boolean {
    return this.#state === 'live'
  }

  /** Start; false if it has been started before. */
  start(): boolean {
    if (this.#socket !== null) return false
    const socket = this.#options.open()
    this.#socket = socket
    socket.on('connect', () => void this.#connected())
    socket.on('disconnect', (reason) => this.#lost(reason === 'io server disconnect'))
    socket.on('connect_error', () => this.#lost(true))
    for (const name of this.#options.names) socket.on(name, (params) => this.add(name, params))
    socket.connect()
    return true
  }

  stop(): void {
    this.#round += 1
    this.#socket?.disconnect()
    this.#socket = null
    this.#frame.clear()
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    this.#tell('connecting')
  }

  /** Take an event for pushed, if it is one of ours. */
  add(name: string, params: unknown): void {
    if (this.#options.names.includes(name)) this.#frame.add({ name, params } as Event)
  }

  flush(): void {
    this.#frame.flush()
  }

  /** Ask for something over the socket; nothing happens while there is no connection. */
  async ask(event: string, argument: unknown): Promise<void> {
    // On connecting all that is wanted is asked for, so before that it would be asked twice.
    if (this.#state !== 'live' && this.#state !== 'catching-up') return
    await this.#socket?.emitWithAck(event, argument).catch(() => null)
  }

  async #connected(): Promise<void> {
    const round = ++this.#round
    const current = () => round === this.#round
    this.#tell('catching-up')
    try {
      await this.#options.connected(current)
      if (current()) this.#tell('live')
    } catch {
      this.#retry = setTimeout(() => {
        if (current()) void this.#connected()
      }, RETRY_MS)
    }
  }

  #lost(refused: boolean): void {
    const round = ++this.#round
    this.#tell('lost')
    if (!refused) return // it connects again by itself
    this.#retry = setTimeout(() => {
      if (round !== this.#round) return
      void this.#options.renew().finally(() => round === this.#round && this.#socket?.connect())
    }, RETRY_MS)
  }

  #tell(state: ConnectionState): void {
    this.#state = state
    this.#options.tell(state)
  }
}
