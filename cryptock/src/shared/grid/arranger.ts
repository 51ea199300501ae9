/** Keeps rows arranged as they come and as they are looked at, without holding up the page. */
import { arrange, type Arrangement, NOTHING, type Plan, update } from './arrange'

/** What is left for a frame's drawing. */
const SLICE_MS = 8
/** Rows that are arranged one by one. */
const CHANGED_MAX = 5000

export interface Arranged<Row> {
  arrangement: Arrangement<Row>
  /** What it was arranged by; null before there is anything. */
  plan: Plan<Row> | null
  /** Whether it will soon be arranged otherwise. */
  busy: boolean
}

interface Task<Row> {
  plan: Plan<Row>
  steps: Generator<undefined, Arrangement<Row>>
}

export class Arranger<Row> {
  #now: Arranged<Row> = { arrangement: NOTHING, plan: null, busy: false }
  #rows: readonly Row[] = []
  #task: Task<Row> | null = null
  readonly #listeners = new Set<() => void>()
  readonly #later: (work: () => void) => void

  constructor(later: (work: () => void) => void = (work) => setTimeout(work)) {
    this.#later = later
  }

  readonly subscribe = (heard: () => void): (() => void) => {
    this.#listeners.add(heard)
    return () => this.#listeners.delete(heard)
  }

  readonly read = (): Arranged<Row> => this.#now

  /** Arrange rows by a plan: few changed ones at once, else in steps between frames. */
  set(rows: readonly Row[], plan: Plan<Row>): void {
    this.#rows = rows
    if (this.#task?.plan === plan) return // what has changed by then follows
    if (this.#task === null && this.#now.plan === plan) this.#follow(this.#now.arrangement, plan)
    else this.#start(plan)
  }

  /** Leave what is not done. */
  stop(): void {
    this.#task = null
  }

  #follow(arrangement: Arrangement<Row>, plan: Plan<Row>): void {
    const updated = update(arrangement, this.#rows, plan, CHANGED_MAX)
    if (updated === null) this.#start(plan)
    else this.#tell({ arrangement: updated, plan, busy: false })
  }

  #start(plan: Plan<Row>): void {
    const task = { plan, steps: arrange(this.#rows, plan) }
    this.#task = task
    this.#work(task)
    if (this.#task === task) this.#tell({ ...this.#now, busy: true })
  }

  #work(task: Task<Row>): void {
    if (this.#task !== task) return
    const end = performance.now() + SLICE_MS
    do {
      const step = task.steps.next()
      if (step.done) {
        this.#task = null
        this.#follow(step.value, task.plan)
        return
      }
    } while (performance.now() < end)
    this.#later(() => this.#work(task))
  }

  #tell(now: Arranged<Row>): void {
    if (
      now.arrangement === this.#now.arrangement &&
      now.plan === this.#now.plan &&
      now.busy === this.#now.busy
    )
      return
    this.#now = now
    for (const listener of this.#listeners) listener()
  }
}
