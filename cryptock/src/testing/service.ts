/** The services as they were recorded; see `npm run record`. */
import { http, HttpResponse, type JsonBodyType } from 'msw'
import { setupServer } from 'msw/node'
import type { HubMessage } from '@/shared/api/runs'
import candles from './recorded/candles.json'
import control from './recorded/control.json'
import exchanges from './recorded/exchanges.json'
import health from './recorded/health.json'
import history from './recorded/history.json'
import incidents from './recorded/incidents.json'
import login from './recorded/login.json'
import movements from './recorded/movements.json'
import orders from './recorded/orders.json'
import runnables from './recorded/runs/runnables.json'
import parametersFrontier from './recorded/runs/parameters-frontier.json'
import parametersCross from './recorded/runs/parameters-cross.json'
import storedHistory from './recorded/runs/history.json'
import runs from './recorded/runs/runs.json'
import runFrontier from './recorded/runs/run-frontier.json'
import runCross from './recorded/runs/run-cross.json'
import componentsFrontier from './recorded/runs/components-frontier.json'
import componentsDemo from './recorded/runs/components-demo.json'
import rowsFrontier from './recorded/runs/rows-frontier.json'
import rowsDemo from './recorded/runs/rows-demo.json'
import performance from './recorded/runs/performance.json'
import report from './recorded/runs/report.json'
import runOrders from './recorded/runs/orders.json'
import runTrades from './recorded/runs/trades.json'
import equity from './recorded/runs/equity.json'
import comparison from './recorded/runs/compare.json'
import results from './recorded/runs/results.json'
import runCandles from './recorded/runs/candles.json'
import sweep from './recorded/runs/sweep.json'
import sweeps from './recorded/runs/sweeps.json'
import sweepPoints from './recorded/runs/sweep-points.json'
import messages from './recorded/runs/messages.json'
import log from './recorded/runs/log.json'
import status from './recorded/status.json'
import trades from './recorded/trades.json'
import unallocated from './recorded/unallocated.json'
import wallets from './recorded/wallets.json'

export const recorded = {
  candles,
  control,
  exchanges,
  health,
  history,
  incidents,
  login,
  movements,
  orders,
  status,
  trades,
  unallocated,
  wallets,
  runnables,
  parametersFrontier,
  parametersCross,
  storedHistory,
  runs,
  runFrontier,
  runCross,
  componentsFrontier,
  componentsDemo,
  rowsFrontier,
  rowsDemo,
  performance,
  report,
  runOrders,
  runTrades,
  equity,
  comparison,
  results,
  runCandles,
  sweep,
  sweeps,
  sweepPoints,
  messages,
  log,
}

const BASE = '*/api/xwrap'
const V1 = `${BASE}/xwrap/v1`

export const get = (path: string, answer: JsonBodyType) =>
  http.get(`${V1}${path}`, () => HttpResponse.json(answer))

/** Answer what is asked of Cryptick. */
export const getRuns = (path: string, answer: JsonBodyType, status = 200) =>
  http.get(`*/api/cryptick${path}`, () => HttpResponse.json(answer, { status }))

/** What was posted where, in order. */
export const posted: { path: string; body: unknown }[] = []

/** Answer POST requests to a path and note them. */
export const post = (path: string, answer: JsonBodyType, status = 200) =>
  http.post(`${BASE}${path}`, async ({ request }) => {
    posted.push({ path, body: await request.json() })
    return HttpResponse.json(answer, { status })
  })

/** An error as the service tells it. */
export const refusal = (path: string, status: number, kind: string, error: string, data = {}) =>
  post(path, { error, code: -32000, data: { error: kind, ...data } }, status)

const rowsOf = (rows: Record<string, JsonBodyType>) => (id: unknown) =>
  HttpResponse.json(rows[String(id)] ?? { offset: 0, rows: [], total: 0, changed: false })

/** Pages of the messages of all runs, as Cryptick makes them: after a sequence, or before one. */
export const messagesOf = (all: readonly HubMessage[]) =>
  http.get('*/api/cryptick/runs/:runId/messages', ({ request }) => {
    const query = new URL(request.url).searchParams
    const limit = Number(query.get('limit'))
    const last = all.at(-1)?.sequence ?? 0
    const before = query.get('before')
    const fits = all.filter(
      (each) =>
        each.message.method.startsWith((query.get('method') ?? '').replace('*', '')) &&
        JSON.stringify(each).includes(query.get('text') ?? ''),
    )
    if (before === null) {
      const after = Number(query.get('after'))
      const messages = fits.filter(({ sequence }) => sequence > after).slice(0, limit)
      const next = messages.length < limit ? last : (messages.at(-1)?.sequence ?? last)
      return HttpResponse.json({ messages, next, last })
    }
    const messages = fits.filter(({ sequence }) => sequence < Number(before)).reverse()
    const page = messages.slice(0, limit)
    const next = page.length < messages.length ? (page.at(-1)?.sequence ?? 0) : 0
    return HttpResponse.json({ messages: page, next, last })
  })

/** Components with their rows, for a run. */
export const components = (
  runId: string,
  formats: JsonBodyType,
  rows: Record<string, JsonBodyType>,
) => [
  getRuns(`/runs/${runId}/components`, formats),
  http.get(`*/api/cryptick/runs/${runId}/components/:id/rows`, ({ params }) =>
    rowsOf(rows)(params.id),
  ),
]

/** Answer PUT requests to a path of Cryptick and note them. */
export const put = (path: string, answer: JsonBodyType, status = 200) =>
  http.put(`*/api/cryptick${path}`, async ({ request }) => {
    posted.push({ path: new URL(request.url).pathname, body: await request.json() })
    return HttpResponse.json(answer, { status })
  })

export const service = setupServer(
  get('/exchanges', exchanges),
  get('/status', status),
  get('/health', health),
  get('/wallets/sets', wallets),
  get('/wallets/unallocated_exchange', unallocated),
  get('/wallets/history/:id', history as JsonBodyType),
  get('/orders/recent', orders),
  get('/trades', trades),
  get('/movements', movements),
  get('/control', control),
  get('/control/incidents', incidents),
  get('/ohlcv/:exchange/:pair', candles),
  get('/notifications', { notifications: [], last_seq: 1, complete: true, next: null }),
  post('/auth/login', login),
  post('/auth/refresh', login),
  post('/auth/logout', { status: 'ok' }),
  post('/auth/password', { status: 'ok' }),
  post('/xwrap/v1/orders/new', ['accepted', '']),
  post('/xwrap/v1/orders/cancel', {
    ...orders[0],
    status: 'done',
    done_reason: 'cancelled',
    last_updated_at: '2100-01-01T00:00:00.000000Z',
  }),
  post('/xwrap/v1/wallets/new', { id: 4, token: 'secret' }),
  post('/xwrap/v1/wallets/allocate', {}),
  post('/xwrap/v1/wallets/deactivate', { id: 3, active: false }),
  post('/xwrap/v1/wallets/virtual/transaction', 1),
  post('/xwrap/v1/control/kill_switch', { scope: null, level: 'cancel', cancelling: 1 }),
  post('/xwrap/v1/control/acknowledge', {}),
  getRuns('/runnables', runnables),
  getRuns('/runnables/EfficientFrontier/parameters', parametersFrontier),
  getRuns('/runnables/:name/parameters', parametersCross),
  getRuns('/history', storedHistory),
  getRuns('/runs', runs),
  getRuns('/performance', performance),
  getRuns('/results', results as JsonBodyType),
  getRuns('/sweeps', sweeps as JsonBodyType),
  getRuns('/sweeps/:id', sweep as JsonBodyType),
  getRuns('/sweeps/:id/points', sweepPoints),
  getRuns('/compare', comparison as JsonBodyType),
  ...components('componentdemo_0', componentsDemo, rowsDemo as Record<string, JsonBodyType>),
  ...components(
    'efficientfrontier_0',
    componentsFrontier,
    rowsFrontier as Record<string, JsonBodyType>,
  ),
  getRuns('/runs/efficientfrontier_0', runFrontier),
  getRuns('/runs/:runId', runCross),
  getRuns('/runs/:runId/components', []),
  getRuns('/runs/:runId/report', report),
  getRuns('/runs/:runId/orders', runOrders),
  getRuns('/runs/:runId/trades', runTrades),
  getRuns('/runs/:runId/equity', equity),
  messagesOf(messages.messages),
  getRuns('/runs/:runId/log', log),
)
