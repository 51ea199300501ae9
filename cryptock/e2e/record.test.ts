/**
 * Record what the real service answers, for the tests beside the code: `npm run record`.
 *
 * What is secret or differs from run to run for no reason is left out.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { startPlatform } from './services'

const FOLDER = resolve(import.meta.dirname, '../src/testing/recorded')
const PASSWORD = 'a password of my own'

it.runIf(process.env.RECORD)('records the service', async () => {
  const platform = await startPlatform()
  try {
    let token = ''
    const ask = async (path: string, body?: unknown): Promise<unknown> => {
      const answer = await fetch(`${platform.page}/api/xwrap${path}`, {
        method: body === undefined ? 'GET' : 'POST',
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
      control: '/control',
      incidents: '/control/incidents',
      candles: `/ohlcv/gdax/BTC_USD?freq=6h`,
    }
    for (const [name, path] of Object.entries(paths)) recorded[name] = await ask(`${v1}${path}`)
    await mkdir(FOLDER, { recursive: true })
    for (const [name, answer] of Object.entries(recorded))
      await writeFile(join(FOLDER, `${name}.json`), `${JSON.stringify(answer, null, 1)}\n`)
  } finally {
    await platform.stop()
  }
})
