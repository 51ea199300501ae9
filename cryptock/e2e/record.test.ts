/**
 * Record what the real service answers, for the tests beside the code: `npm run record`.
 *
 * What is secret or differs from run to run for no reason is left out.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { type Platform, startPlatform } from './services'

const FOLDER = resolve(import.meta.dirname, '../src/testing/recorded')
const PASSWORD = 'a password of my own'

it.runIf(process.env.RECORD)('records the service', async () => {
  const platform = await startPlatform()
  try {
    let token = ''
    const ask = async (
      path: string,
      body?: unknown,
      service = 'xwrap',
      verb = service === 'cryptick' ? 'PUT' : 'POST',
    ): Promise<unknown> => {
      const answer = await fetch(`${platform.page}/api/${service}${path}`, {
        method: body === undefined ? 'GET' : verb,
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      expect(answer.ok, `${path}: ${answer.status}`).toBe(true)
      return answer.json()
    }
    const login = async (password: string) => {
      const session = await ask('/auth/login', { name: 'admin', password })
      token = (session as { access_token: string }).access_token
      return { ...(session as object), access_token: 'a-token' }
    }
    await login(platform.password)
    await ask('/auth/password', { old: platform.password, new: PASSWORD })
    const recorded: Record<string, unknown> = { login: await login(PASSWORD) }
    const v1 = '/xwrap/v1'
    await expect
      .poll(async () => ((await ask(`${v1}/health`)) as { status: string }).status, {
        timeout: 60_000,
      })
      .toBe('ok')
    const wallets = [{ exchange: 'gdax', currency: 'USD', allocation: '25000' }]
    const { id } = (await ask(`${v1}/wallets/new`, { run_id: 'desk', wallets })) as { id: number }
    const order = {
      run_id: 'desk',
      exchange: 'gdax',
      pair: 'BTC_USD',
      side: 'buy',
      wallet_set_id: id,
    }
    await ask(`${v1}/orders/new`, { ...order, client_oid: 'filled', type: 'market', size: '0.1' })
    await ask(`${v1}/orders/new`, {
      ...order,
      client_oid: 'resting',
      type: 'limit',
      size: '0.5',
      limit: '1000',
    })
    await expect
      .poll(async () => ((await ask(`${v1}/orders/open`)) as unknown[]).length, { timeout: 60_000 })
      .toBe(1)
    const paths = {
      exchanges: '/exchanges',
      status: '/status',
      health: '/health',
      wallets: '/wallets/sets',
      unallocated: '/wallets/unallocated_exchange',
      history: `/wallets/history/${id}`,
      orders: '/orders/recent?include_open=true',
      trades: '/trades',
      movements: '/movements?order_id=1',
      control: '/control',
      incidents: '/control/incidents',
      candles: `/ohlcv/gdax/BTC_USD?freq=6h`,
    }
    for (const [name, path] of Object.entries(paths)) recorded[name] = await ask(`${v1}${path}`)
    Object.assign(
      recorded,
      await recordRuns(
        (path, body) => ask(path, body, 'cryptick'),
        (path, body) => ask(path, body, 'cryptick', 'POST'),
      ),
    )
    recorded['runs/candles'] = await ask(`${v1}/ohlcv/gdax/BTC_USD?freq=15m`)
    Object.assign(recorded, await recordSweep(platform, (path) => ask(path, undefined, 'cryptick')))
    await mkdir(join(FOLDER, 'runs'), { recursive: true })
    for (const [name, answer] of Object.entries(recorded))
      await writeFile(join(FOLDER, `${name}.json`), `${JSON.stringify(answer, null, 1)}\n`)
  } finally {
    await platform.stop()
  }
})

type Ask = (path: string, body?: unknown) => Promise<unknown>

/** A backtest, a run that shows each kind of component, and a frontier that waits for a confirmation. */
async function recordRuns(ask: Ask, post: Ask): Promise<Record<string, unknown>> {
  const start = async (strategy: string, mode: string, params: object = {}) => {
    const balances = [{ exchange: 'gdax', base: 'USD', balance: '10000' }]
    const form = { mode, balances, params }
    const { run_id } = (await ask(`/runnables/${strategy}/start`, form)) as { run_id: string }
    return run_id
  }
  const until = async (runId: string, done: (run: Record<string, unknown>) => boolean) => {
    const isDone = async () => done((await ask(`/runs/${runId}`)) as Record<string, unknown>)
    await expect.poll(isDone, { timeout: 60_000 }).toBe(true)
  }
  const cross = await start('SmaCross', 'backtest')
  const hodl = await start('HodlStrategy', 'backtest')
  const demo = await start('ComponentDemo', 'backtest')
  for (const each of [cross, hodl, demo]) await until(each, ({ state }) => state === 'stopped')
  const frontier = await start('EfficientFrontier', 'paper', {
    days: 3,
    cloud: 200,
    resamples: 20,
    interval_s: 1,
  })
  const components = `/runs/${frontier}/components`
  const rows = async (run: string, id: string) =>
    (await ask(`/runs/${run}/components/${id}/rows?limit=300`)) as { rows: unknown[] }
  const isDrawn = async () => ((await ask(components)) as { id: string }[]).length > 5
  await expect.poll(isDrawn, { timeout: 60_000 }).toBe(true)
  await expect.poll(async () => (await rows(frontier, 'points')).rows.length).toBeGreaterThan(0)
  await ask(`${components}/minimum-variance`, { value: 'record-1' })
  await ask(`${components}/weight-btc`, { value: '40' })
  await ask(`${components}/weight-eth`, { value: '35' })
  await ask(`${components}/preview-again`, { value: 'record-2' })
  await expect
    .poll(async () => (await rows(frontier, 'preview')).rows.length, { timeout: 60_000 })
    .toBeGreaterThan(0)
  const { text } = (await ask('/editor/template/MyStrategy')) as { text: string }
  await ask('/editor/drafts/MyStrategy', { text, note: 'begun' })
  await ask('/editor/drafts/MyStrategy', { text: `${text}\n# more\n`, version: 1 })
  await ask('/editor/drafts/MyStrategy/promote', { version: 1 })
  const inspect = (given: string) => post('/editor/inspect', { text: given })
  const paths: Record<string, string> = {
    editor: '/editor',
    'editor-words': '/editor/words',
    'editor-template': '/editor/template/MyStrategy',
    runnables: '/runnables',
    'parameters-frontier': '/runnables/EfficientFrontier/parameters',
    'parameters-cross': '/runnables/SmaCross/parameters',
    history: '/history',
    runs: '/runs',
    performance: '/performance',
    results: '/results?limit=1000',
    'run-frontier': `/runs/${frontier}`,
    'run-cross': `/runs/${cross}`,
    'components-frontier': components,
    'components-demo': `/runs/${demo}/components`,
    report: `/runs/${cross}/report`,
    orders: `/runs/${cross}/orders`,
    trades: `/runs/${cross}/trades`,
    equity: `/runs/${cross}/equity?limit=300`,
    compare: `/compare?run_id=${cross},${hodl}`,
    messages: `/runs/${cross}/messages?limit=40`,
    log: `/runs/${cross}/log`,
  }
  const found: Record<string, unknown> = {}
  for (const [name, path] of Object.entries(paths)) found[`runs/${name}`] = await ask(path)
  found['runs/editor-good'] = await inspect(text)
  found['runs/editor-bad'] = await inspect(text.replace('return', 'retrun'))
  for (const [name, run] of Object.entries({ frontier, demo }))
    found[`runs/rows-${name}`] = Object.fromEntries(
      await Promise.all(
        (found[`runs/components-${name}`] as { id: string; rows: number }[])
          .filter((each) => each.rows > 0)
          .map(async ({ id }) => [id, await rows(run, id)]),
      ),
    )
  return found
}

/** A search over three parameters, one of which says nothing. */
async function recordSweep(platform: Platform, ask: Ask): Promise<Record<string, unknown>> {
  const grids = ['fast=5,10,15,20', 'slow=30,60,90', 'percent=50,100']
  const searched = grids.flatMap((grid) => ['--grid', grid])
  await platform.sweep('SmaCross', '--gdax-usd', '10000', '--splits', '3', ...searched)
  return {
    'runs/sweeps': await ask('/sweeps'),
    'runs/sweep': await ask('/sweeps/smacross_0'),
    'runs/sweep-points': await ask('/sweeps/smacross_0/points?limit=10000'),
  }
}
