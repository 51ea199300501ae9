/** Requests to the services through the gateway, with the session's token, which is renewed when it ends. */
import type { BaseQueryFn } from '@reduxjs/toolkit/query'
import type { Problem } from './problem'
import { type SessionState, signedIn, signedOut } from './session'
import type { Session } from './wire'

export type Service = 'xwrap' | 'cryptick'

/** Under which path the services are: the gateway's, unless a dashboard says otherwise at its start. */
export const SERVICES: Record<Service, string> = {
  xwrap: '/api/xwrap',
  cryptick: '/api/cryptick',
}
const NAMES = { xwrap: 'xWrap', cryptick: 'Cryptick' }

export interface Call {
  service?: Service
  path: string
  /** POST by default if there is a body, else GET. */
  method?: 'PUT' | 'DELETE'
  body?: unknown
  query?: Record<string, string | number | boolean | undefined>
}

type Answer = { data: unknown } | { error: Problem }

const TIMEOUT_MS = 20_000

/** Send one request. */
export async function send(
  { service = 'xwrap', path, method, body, query }: Call,
  token: string | null,
): Promise<Answer> {
  const known = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  const search = known.length ? `?${new URLSearchParams(known)}` : ''
  try {
    const answer = await fetch(`${location.origin}${SERVICES[service]}${path}${search}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const read: unknown = await answer.json()
    return answer.ok ? { data: read } : { error: problemOf(answer.status, read) }
  } catch {
    return { error: { status: 0, kind: '', message: `${NAMES[service]} gives no answer` } }
  }
}

function problemOf(status: number, read: unknown): Problem {
  const { error, data } = read as {
    error?: string
    data?: { error?: string; field?: string; retry_after_s?: number }
  }
  return {
    status,
    kind: data?.error ?? '',
    message: error ?? `the request failed (${status})`,
    ...(data?.field === undefined ? {} : { field: data.field }),
    ...(data?.retry_after_s === undefined ? {} : { retryAfterS: data.retry_after_s }),
  }
}

let renewing: Promise<Answer> | null = null

/** Exchange the cookie for a new token; once at a time, also among this browser's tabs. */
export function renew(): Promise<Answer> {
  renewing ??= renewOnce().finally(() => {
    renewing = null
  })
  return renewing
}

async function renewOnce(): Promise<Answer> {
  const ask = () => send({ path: '/auth/refresh', body: {} }, null)
  return 'locks' in navigator ? await navigator.locks.request('renew', ask) : await ask()
}

export const request: BaseQueryFn<Call, unknown, Problem> = async (call, api) => {
  const session = () => (api.getState() as { session: SessionState }).session
  const token = session().token
  const first = await send(call, token)
  if (!('error' in first) || first.error.status !== 401 || token === null) return first
  if (session().token === token) {
    const renewed = await renew()
    if ('error' in renewed) {
      if (renewed.error.status === 401) api.dispatch(signedOut('Your session has ended.'))
      return renewed
    }
    api.dispatch(signedIn(renewed.data as Session))
  }
  return send(call, session().token)
}
