/**
 * How the page bears a market that never rests: `npm run load -- --minutes 30`.
 *
 * xWrap and everything else is real; orders are made so fast that more than a thousand events a
 * second reach the page, while somebody goes from page to page, clicks and types. `--orders` is
 * their rate, `--json` a file for all figures, PAGE_FOLDER the page as it was built.
 */
import { writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type CDPSession, chromium, type Locator, type Page } from 'playwright-core'
import { probe, type Seen } from './probe'
import { startPlatform } from './services'

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    orders: { type: 'string', default: '250' },
    json: { type: 'string' },
  },
})
const MINUTES = Number(given.minutes)
const SLICE_S = 30
const SLICES = MINUTES >= 10 ? 2 : 1 // on one page
const INPUT_MS = 500
const PASSWORD = 'a password of my own'

interface Slice extends Seen {
  page: string
  /** Since the load began, in s. */
  at: number
  seconds: number
  events: Record<string, number>
  inputs: number
  heapMb: number
  nodes: number
  /** Parts of one processor: of the page's main thread, and of all its process. */
  mainThread: number
  process: number
  loadAverage: number
}

type Step = () => Promise<void>

const platform = await startPlatform()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
})
try {
  const page = await browser.newPage({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'dark',
  })
  await page.addInitScript(probe)
  const events: Record<string, number> = {}
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const [, name] = /^42\["(\w+)"/.exec(String(payload).slice(0, 40)) ?? []
      if (name !== undefined) events[name] = (events[name] ?? 0) + 1
    }),
  )
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable')
  await signIn(page)
  const starts = await measureStarts(page, cdp)
  await platform.beside(
    (rpc) => ['-m', 'benchmarks.pushes', '--url', rpc, '--orders-per-s', given.orders],
    'orders are made',
  )
  const slices = await measureLoad(page, cdp, events, await startRun())
  const figures = { starts, ...summary(slices), processors: cpus().length }
  print(figures)
  if (given.json !== undefined)
    await writeFile(given.json, `${JSON.stringify({ ...figures, slices: slices.map(brief) })}\n`)
} finally {
  await browser.close()
  await platform.stop()
}

async function signIn(page: Page): Promise<void> {
  await page.goto(platform.page)
  await page.getByLabel('Name').fill('admin')
  await page.getByLabel('Password').fill(platform.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByLabel('Once more').fill(PASSWORD)
  await page.getByRole('button', { name: 'Set the password' }).click()
  await page.getByText('xWrap connected').waitFor()
}

/** Until the landing page's form can be used, without and with what the browser has kept; in ms. */
async function measureStarts(page: Page, cdp: CDPSession) {
  const once = async (cold: boolean) => {
    if (cold) await cdp.send('Network.clearBrowserCache')
    await page.goto(platform.page)
    await page.waitForFunction(() => window.probed.usableAt > 0)
    return page.evaluate(() => window.probed.usableAt)
  }
  const cold = []
  const kept = []
  for (let round = 0; round < 5; round += 1) {
    cold.push(await once(true))
    kept.push(await once(false))
  }
  return { cold: quantile(cold, 0.5), cached: quantile(kept, 0.5) }
}

/** Have a strategy run, and return where its page is. */
async function startRun(): Promise<string> {
  const ask = async (path: string, method: string, body: object, token = '') => {
    const answer = await fetch(`${platform.page}/api/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
    return (await answer.json()) as Record<string, string>
  }
  const session = await ask('xwrap/auth/login', 'POST', { name: 'admin', password: PASSWORD })
  const form = {
    mode: 'paper',
    balances: [{ exchange: 'gdax', base: 'USD', balance: '10000' }],
    params: { days: 3, cloud: 1000, resamples: 20, interval_s: 1 },
  }
  const path = 'cryptick/runnables/EfficientFrontier/start'
  const { run_id = '' } = await ask(path, 'PUT', form, session.access_token)
  return `/runs/${run_id}`
}

async function measureLoad(
  page: Page,
  cdp: CDPSession,
  events: Record<string, number>,
  runPath: string,
) {
  const places = stepsOf(page)
  const slices: Slice[] = []
  const start = Date.now()
  for (let stay = 0; Date.now() - start < MINUTES * 60_000; stay += 1) {
    const [name, key, steps] = places[stay % places.length] as (typeof places)[number]
    if (key === '') await page.locator(`a[href="${runPath}"]`).first().click()
    else {
      await page.keyboard.press('g')
      await page.keyboard.press(key)
    }
    for (let slice = 0; slice < SLICES; slice += 1) {
      const measured = await measureSlice(page, cdp, events, steps)
      slices.push({ page: name, at: (Date.now() - start) / 1000, ...measured })
      const rate = total(measured.events) / measured.seconds
      console.error(
        `${Math.round((Date.now() - start) / 1000)} s ${name}: ${Math.round(rate)} events/s, ` +
          `${measured.heapMb.toFixed(1)} MB, input ≤ ${Math.max(0, ...measured.delays).toFixed(0)} ms`,
      )
    }
  }
  return slices
}

async function measureSlice(
  page: Page,
  cdp: CDPSession,
  events: Record<string, number>,
  steps: readonly Step[],
): Promise<Omit<Slice, 'page' | 'at'>> {
  for (const name of Object.keys(events)) events[name] = 0
  await page.evaluate(() => void window.probed.take())
  const before = await cost(cdp)
  const start = Date.now()
  let inputs = 0
  // To the end of a round, so that no dialog stays open.
  while (Date.now() - start < SLICE_S * 1000 || inputs % steps.length > 0) {
    await steps[inputs % steps.length]?.()
    inputs += 1
    await page.waitForTimeout(Math.max(0, start + inputs * INPUT_MS - Date.now()))
  }
  const seconds = (Date.now() - start) / 1000
  const after = await cost(cdp)
  const seen = await page.evaluate(() => window.probed.take())
  const heard = { ...events }
  await cdp.send('HeapProfiler.collectGarbage')
  const { metrics } = await cdp.send('Performance.getMetrics')
  const metric = (name: string) => metrics.find((each) => each.name === name)?.value ?? 0
  return {
    ...seen,
    seconds,
    inputs,
    events: heard,
    heapMb: metric('JSHeapUsedSize') / 1e6,
    nodes: metric('Nodes'),
    mainThread: (after.thread - before.thread) / seconds,
    process: (after.process - before.process) / seconds,
    loadAverage: loadavg()[0] ?? 0,
  }
}

/** What the page has used of a processor, in s. */
async function cost(cdp: CDPSession): Promise<{ thread: number; process: number }> {
  const { metrics } = await cdp.send('Performance.getMetrics')
  const all = await browser.newBrowserCDPSession()
  const { processInfo } = await all.send('SystemInfo.getProcessInfo')
  await all.detach()
  const renderers = processInfo.filter(({ type }) => type === 'renderer')
  return {
    thread: metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0,
    process: renderers.reduce((sum, { cpuTime }) => sum + cpuTime, 0),
  }
}

/** What somebody does on each page, by its name and key. */
function stepsOf(page: Page): [name: string, key: string, steps: Step[]][] {
  const press = (key: string) => () => page.keyboard.press(key)
  // Without the waiting that Playwright does for an element to come to rest: nobody else does it.
  const click = (locator: Locator) => async () => {
    const box = await locator
      .first()
      .boundingBox({ timeout: 2000 })
      .catch(() => null)
    if (box) await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
  }
  const button = (name: string) => click(page.getByRole('button', { name, exact: true }))
  const row = (table: string, at: number) =>
    click(page.getByRole('table', { name: table }).getByRole('row').nth(at))
  const palette = [press('Control+k'), press('m'), press('a'), press('Escape')]
  const scroll = [press('PageDown'), press('PageDown'), press('PageUp'), press('Home')]
  return [
    ['Home', 'h', [...palette, ...scroll]],
    ['Run', '', [...palette, ...scroll]], // there is a link to it on the one before
    ['Market', 'm', [button('6h'), button('1h'), ...palette, row('Pairs', 2), row('Pairs', 1)]],
    [
      'Orders',
      'o',
      [row('Orders', 2), press('Escape'), ...scroll, button('+ filter'), press('Escape')],
    ],
    [
      'Wallets',
      'w',
      [button('New wallet set'), press('d'), press('Escape'), ...palette, ...scroll],
    ],
    ['Overview', 'v', [...palette, ...scroll]],
  ]
}

function summary(slices: readonly Slice[]) {
  const names = [...new Set(slices.map(({ page }) => page))]
  const of = (some: readonly Slice[]) => {
    const all = (pick: (slice: Slice) => number[]) => some.flatMap(pick)
    const mean = (pick: (slice: Slice) => number) =>
      some.reduce((sum, each) => sum + pick(each), 0) / some.length
    const seconds = some.reduce((sum, each) => sum + each.seconds, 0)
    const events = some.reduce((sum, each) => sum + total(each.events), 0)
    const delays = all(({ delays }) => delays)
    const paints = all(({ paints }) => paints)
    const frames = all(({ frames }) => frames)
    const long = all(({ longTasks }) => longTasks)
    const commits = all(({ commits }) => commits)
    const batches = all(({ batches }) => batches)
    return {
      'events/s': events / seconds,
      'frames/s': frames.length / seconds,
      'batches in a frame, most': quantile(batches, 1),
      'frames with several batches': batches.filter((count) => count > 1).length,
      'renderings in a frame, mean': commits.reduce((a, b) => a + b, 0) / commits.length,
      'renderings in a frame, p99': quantile(commits, 0.99),
      'frame, ms p50': quantile(frames, 0.5),
      'frame, ms p99': quantile(frames, 0.99),
      'long tasks/min': (long.length / seconds) * 60,
      'long task, ms p50': quantile(long, 0.5),
      'long task, ms max': quantile(long, 1),
      inputs: delays.length,
      'input delay, ms p50': quantile(delays, 0.5),
      'input delay, ms p99': quantile(delays, 0.99),
      'input delay, ms max': quantile(delays, 1),
      'input to paint, ms p50': quantile(paints, 0.5),
      'input to paint, ms p99': quantile(paints, 0.99),
      'main thread, %': mean(({ mainThread }) => mainThread * 100),
      'process, %': mean((slice) => slice.process * 100),
      'heap, MB': mean(({ heapMb }) => heapMb),
      'DOM nodes': mean(({ nodes }) => nodes),
      'load average': mean(({ loadAverage }) => loadAverage),
    }
  }
  const pages: Record<string, ReturnType<typeof of>> = { all: of(slices) }
  for (const name of names) pages[name] = of(slices.filter(({ page }) => page === name))
  const settled = slices.filter(({ at }) => at > (MINUTES * 60) / 5)
  const seconds = slices.reduce((sum, each) => sum + each.seconds, 0)
  const heard: Record<string, number> = {}
  const reducers: Record<string, number> = {}
  for (const slice of slices) {
    for (const [name, count] of Object.entries(slice.events))
      heard[name] = (heard[name] ?? 0) + count / seconds
    for (const [name, ms] of Object.entries(slice.reducers))
      reducers[name] = (reducers[name] ?? 0) + ms / seconds
  }
  return {
    pages,
    'events/s': heard,
    'reducers, ms/s': reducers,
    growth: {
      'heap, MB/h': slope(settled, ({ heapMb }) => heapMb),
      'DOM nodes/h': slope(settled, ({ nodes }) => nodes),
    },
  }
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0)
}

/** Growth per hour that all pages have in common, by least squares, with its standard error. */
function slope(slices: readonly Slice[], of: (slice: Slice) => number) {
  const points: [number, number][] = []
  const names = new Set(slices.map(({ page }) => page))
  for (const name of names) {
    const some = slices.filter(({ page }) => page === name)
    const mean = (pick: (slice: Slice) => number) =>
      some.reduce((sum, each) => sum + pick(each), 0) / some.length
    const [at, level] = [mean(({ at }) => at), mean(of)]
    for (const slice of some) points.push([(slice.at - at) / 3600, of(slice) - level])
  }
  const squares = points.reduce((sum, [x]) => sum + x * x, 0)
  const growth = points.reduce((sum, [x, y]) => sum + x * y, 0) / squares
  const rest = points.reduce((sum, [x, y]) => sum + (y - growth * x) ** 2, 0)
  return { growth, error: Math.sqrt(rest / (points.length - names.size - 1) / squares) }
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}

function brief({ page, at, heapMb, nodes, events, seconds, delays, loadAverage }: Slice) {
  const rate = total(events) / seconds
  return { page, at, heapMb, nodes, rate, inputMaxMs: quantile(delays, 1), loadAverage }
}

type Figures = ReturnType<typeof summary> & {
  starts: { cold: number; cached: number }
  processors: number
}

function print({ pages, starts, growth, processors, ...rest }: Figures): void {
  const short = (value: number) =>
    String(Math.abs(value) < 10 ? Math.round(value * 100) / 100 : Math.round(value))
  const columns = Object.keys(pages)
  console.log(['', ...columns].map((text, at) => text.padEnd(at ? 9 : 30)).join(''))
  for (const row of Object.keys(pages.all ?? {}) as (keyof (typeof pages)[string])[])
    console.log(
      [row, ...columns.map((name) => short(pages[name]?.[row] ?? 0))]
        .map((text, at) => text.padEnd(at ? 9 : 30))
        .join(''),
    )
  for (const [name, { growth: by, error }] of Object.entries(growth))
    console.log(`growth of ${name}: ${short(by)} ± ${short(error)}`)
  for (const [name, values] of Object.entries(rest))
    console.log(
      `${name}: ${Object.entries(values)
        .filter(([, value]) => value >= 0.1)
        .sort(([, a], [, b]) => b - a)
        .slice(0, 10)
        .map(([key, value]) => `${key} ${short(value)}`)
        .join(', ')}`,
    )
  console.log(
    `landing page usable after ${short(starts.cold)} ms, ${short(starts.cached)} ms from the browser's cache; ` +
      `${processors} processors, shared with all services and whatever else runs`,
  )
}
