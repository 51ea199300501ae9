/** A socket that tests hold in their hands. */
import type { Socket } from '@/shared/live/link'

export class FakeSocket implements Socket {
  readonly asked: { event: string; argument: unknown }[] = []
  readonly #heard = new Map<string, (argument: unknown) => void>()
  connects = 0

  on(event: string, heard: (argument: unknown) => void): void {
    this.#heard.set(event, heard)
  }

  emitWithAck(event: string, argument: unknown): Promise<unknown> {
    this.asked.push({ event, argument })
    return Promise.resolve({ status: 'ok' })
  }

  connect(): void {
    this.connects += 1
    queueMicrotask(() => this.hear('connect', undefined))
  }

  disconnect(): void {
    this.hear('disconnect', 'io client disconnect')
  }

  hear(event: string, argument: unknown): void {
    this.#heard.get(event)?.(argument)
  }
}
