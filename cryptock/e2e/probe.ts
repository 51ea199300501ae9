/** What the page is asked about itself while it is under load; nothing of it is in the page's own code. */

export interface Seen {
  /** Between two frames, in ms. */
  frames: number[]
  /** Renderings that React completed, in each frame. */
  commits: number[]
  /** The most dispatches of one kind of pushed data, in each frame. */
  batches: number[]
  /** In the store's reducers, in ms by action. */
  reducers: Record<string, number>
  longTasks: number[]
  /** From an input to its first listener, in ms. */
  delays: number[]
  /** From an input to the frame that shows what it did, in ms; those under 16 ms are left out. */
  paints: number[]
}

interface Probed {
  take: () => Seen
  /** When the first field could be used, in ms after the navigation. */
  usableAt: number
}

declare global {
  interface Window {
    probed: Probed
  }
}

/** Runs in the page before its own scripts. */
export function probe(): void {
  const nothing = (): Seen => ({
    frames: [],
    commits: [],
    batches: [],
    reducers: {},
    longTasks: [],
    delays: [],
    paints: [],
  })
  let seen = nothing()
  let commits = 0
  let dispatched: Record<string, number> = {}
  let before = 0
  const probed: Probed = {
    usableAt: 0,
    take: () => {
      const taken = seen
      seen = nothing()
      before = 0
      return taken
    },
  }
  window.probed = probed

  const frame = (at: number) => {
    if (before > 0) {
      seen.frames.push(at - before)
      seen.commits.push(commits)
      seen.batches.push(Math.max(0, ...Object.values(dispatched)))
    }
    before = at
    commits = 0
    dispatched = {}
    if (probed.usableAt === 0 && document.querySelector('[role=combobox]:not([disabled])'))
      probed.usableAt = performance.now()
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)

  const PUSHED = [
    'market/marketReceived',
    'orders/ordersReceived',
    'orders/tradesReceived',
    'xwrap/queries/queryResultPatched',
  ]
  type Reducer = (state: unknown, action: { type: string }) => unknown
  type Create = (reducer: Reducer, ...rest: unknown[]) => unknown
  const counting =
    (create: Create): Create =>
    (reducer, ...rest) =>
      create(
        (state, action) => {
          const { type } = action
          if (PUSHED.includes(type)) dispatched[type] = (dispatched[type] ?? 0) + 1
          const start = performance.now()
          const next = reducer(state, action)
          seen.reducers[type] = (seen.reducers[type] ?? 0) + performance.now() - start
          return next
        },
        ...rest,
      )
  Object.assign(window, {
    __REDUX_DEVTOOLS_EXTENSION_COMPOSE__:
      () =>
      (...enhancers: ((create: Create) => Create)[]) =>
      (create: Create) =>
        enhancers.reduceRight((next, enhance) => enhance(next), counting(create)),
    __REACT_DEVTOOLS_GLOBAL_HOOK__: {
      supportsFiber: true,
      renderers: new Map(),
      inject: () => 1,
      checkDCE: () => undefined,
      onCommitFiberRoot: () => (commits += 1),
      onCommitFiberUnmount: () => undefined,
    },
  })

  for (const type of ['keydown', 'pointerdown', 'click'])
    window.addEventListener(
      type,
      (event) => seen.delays.push(performance.now() - event.timeStamp),
      true,
    )
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.longTasks.push(duration)
  }).observe({ type: 'longtask' })
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { interactionId: number })[])
      if (entry.interactionId > 0 && entry.name !== 'keyup') seen.paints.push(entry.duration)
  }).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit)
}
