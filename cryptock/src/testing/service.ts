/** xWrap as it was recorded; see `npm run record`. */
import { http, HttpResponse, type JsonBodyType } from 'msw'
import { setupServer } from 'msw/node'
import candles from './recorded/candles.json'
import control from './recorded/control.json'
import exchanges from './recorded/exchanges.json'
import health from './recorded/health.json'
import history from './recorded/history.json'
import incidents from './recorded/incidents.json'
import login from './recorded/login.json'
import orders from './recorded/orders.json'
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
  orders,
  status,
  trades,
  unallocated,
  wallets,
}

const BASE = '*/api/xwrap'
const V1 = `${BASE}/xwrap/v1`

export const get = (path: string, answer: JsonBodyType) =>
  http.get(`${V1}${path}`, () => HttpResponse.json(answer))

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

export const service = setupServer(
  get('/exchanges', exchanges),
  get('/status', status),
  get('/health', health),
  get('/wallets/sets', wallets),
  get('/wallets/unallocated_exchange', unallocated),
  get('/wallets/history/:id', history as JsonBodyType),
  get('/orders/recent', orders),
  get('/trades', trades),
  get('/control', control),
  get('/control/incidents', incidents),
  get('/ohlcv/:exchange/:pair', candles),
  get('/notifications', { notifications: [], last_seq: 1, complete: true }),
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
)
