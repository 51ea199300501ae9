/** The real services on free ports: a simulated market, xWrap with two paper exchanges, Cryptick, the gateway. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const PYTHON = process.env.PYTHON ?? join(ROOT, '.venv/bin/python')
const START_MS = 60_000

interface Started {
  process: ChildProcess
  printed: () => string
  stop: () => Promise<void>
}

async function start(
  command: string,
  args: string[],
  ready: string,
  env: Record<string, string> = {},
): Promise<Started> {
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env } })
  let printed = ''
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  await new Promise<void>((done, fail) => {
    const timer = setTimeout(
      () => fail(new Error(`${args.join(' ')}: not ready\n${printed}`)),
      START_MS,
    )
    const read = (chunk: Buffer) => {
      printed += chunk.toString()
      if (!printed.includes(ready)) return
      clearTimeout(timer)
      done()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then(() => fail(new Error(`${args.join(' ')} ended\n${printed}`)))
  })
  const stop = async () => {
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(kill)
  }
  return { process: child, printed: () => printed, stop }
}

function found(pattern: RegExp, text: string): string {
  const [, value] = pattern.exec(text) ?? []
  if (value === undefined) throw new Error(`${pattern} is not in ${text}`)
  return value
}

export interface Platform {
  page: string
  /** Where the services have their own dashboards. */
  xwrap: string
  cryptick: string
  password: string
  /** Run one more program that talks to xWrap over its RPC's address, until the services are stopped. */
  beside: (args: (rpc: string) => string[], ready: string) => Promise<void>
  /** Search a strategy's parameters from the command line, as a developer does. */
  sweep: (...args: string[]) => Promise<void>
  /** End xWrap without a chance to tidy up, and start it again on the same port. */
  restartXWrap: (between: () => Promise<void>) => Promise<void>
  stop: () => Promise<void>
}

export async function startPlatform(): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), 'cryptock-'))
  const running: Started[] = []
  const stop = async () => {
    for (const each of running.toReversed()) await each.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const market = await start(
      PYTHON,
      [
        '-m',
        'exchange_wrapper.sandbox',
        'simulate',
        '--seed',
        '7',
        '--rest-port',
        '0',
        '--ws-port',
        '0',
      ],
      'sandbox ready',
    )
    running.push(market)
    const exchange = {
      mode: 'paper',
      class: 'exchange_wrapper.exchange.gdax.GDAXExchange',
      rest_url: found(/rest (\S+)/, market.printed()),
      ws_url: found(/ ws (\S+)/, market.printed()),
      history_days: 3,
    }
    const config = join(folder, 'settings.json')
    const sweeps = join(folder, 'sweeps')
    const currencies = ['BTC', 'ETH', 'LTC', 'USD']
    await writeFile(
      config,
      JSON.stringify({
        currencies,
        exchanges: { gdax: exchange, mirror: exchange },
        cryptick: { editor: true, drafts: join(folder, 'drafts'), sweeps },
      }),
    )
    const env: Record<string, string> = {
      SQLITE_DB: join(folder, 'xwrap.db'),
      TIMESERIES_DB: join(folder, 'timeseries.db'),
      XDG_STATE_HOME: folder,
      RPC_PORT: '0',
      WEB_PORT: '0',
    }
    const service = ['-m', 'exchange_wrapper.service']
    const made = spawn(PYTHON, [...service, 'init_db', join(folder, 'xwrap.db')], { cwd: ROOT })
    await new Promise((done) => made.once('exit', done))
    const run = () => start(PYTHON, [...service, 'run', '--config', config], 'xWrap ready', env)
    let xwrap = await run()
    running.push(xwrap)
    const password = found(/log in as admin with (\S+)/, xwrap.printed())
    const http = found(/ http (\S+)/, xwrap.printed())
    const rpc = found(/ rpc (\S+)/, xwrap.printed())
    env.WEB_PORT = new URL(http).port
    env.RPC_PORT = new URL(rpc).port
    const cryptick = await start(
      PYTHON,
      ['-m', 'cryptick.server', '--config', config],
      'Cryptick ready',
      {
        ...env,
        CRYPTICK_PORT: '0',
        CRYPTICK_RUNS: join(folder, 'runs'),
        XWRAP_URL: rpc,
        XWRAP_HTTP: http,
      },
    )
    running.push(cryptick)
    const gateway = await start('node', ['cryptock/gateway/main.js'], 'page ready', {
      PAGE_PORT: '0',
      XWRAP_URL: http,
      CRYPTICK_URL: found(/ http (\S+)/, cryptick.printed()),
    })
    running.push(gateway)
    return {
      xwrap: http,
      cryptick: found(/ http (\S+)/, cryptick.printed()),
      page: found(/page ready: (\S+)/, gateway.printed()),
      password,
      stop,
      beside: async (args, ready) => {
        running.push(await start(PYTHON, args(rpc), ready, env))
      },
      sweep: async (...args) => {
        const command = ['-m', 'cryptick.sweep', ...args, '--sweeps-dir', sweeps, '--xwrap', rpc]
        const child = spawn(PYTHON, command, { cwd: ROOT, env: { ...process.env, ...env } })
        let printed = ''
        const read = (chunk: Buffer) => (printed += chunk.toString())
        child.stdout.on('data', read)
        child.stderr.on('data', read)
        const [code] = (await once(child, 'close')) as [number | null]
        if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${printed}`)
      },
      restartXWrap: async (between) => {
        xwrap.process.kill('SIGKILL')
        await between()
        const at = running.indexOf(xwrap)
        xwrap = await run()
        running[at] = xwrap
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
