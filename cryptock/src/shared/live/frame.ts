/** Gather what comes in and hand it on once per frame, in its order. */

const HIDDEN_MS = 1000 // a hidden page draws no frames

export class Frame<T> {
  #waiting: T[] = []
  #timer: ReturnType<typeof setTimeout> | null = null
  #request = 0
  readonly #flush: (items: T[]) => void

  constructor(flush: (items: T[]) => void) {
    this.#flush = flush
  }

  add(item: T): void {
    this.#waiting.push(item)
    if (this.#timer !== null) return
    this.#timer = setTimeout(() => this.flush(), HIDDEN_MS)
    this.#request = requestAnimationFrame(() => this.flush())
  }

  flush(): void {
    this.#cancel()
    if (this.#waiting.length === 0) return
    const items = this.#waiting
    this.#waiting = []
    this.#flush(items)
  }

  /** Forget what waits. */
  clear(): void {
    this.#cancel()
    this.#waiting = []
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    cancelAnimationFrame(this.#request)
    this.#timer = null
  }
}
