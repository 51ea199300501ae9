import { screen } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { describe, expect, it } from 'vitest'
import { openPage, sent } from '@/testing/page'
import { post, recorded, refusal, service } from '@/testing/service'

const noCookie = () =>
  service.use(refusal('/auth/refresh', 401, 'unauthorised', 'there is no session here: log in'))

describe('signing in', () => {
  it('leads to the page, and out again', async () => {
    noCookie()
    const { user, store } = await openPage('/', 'The first time')
    await user.type(screen.getByLabelText(/Name/), 'admin')
    await user.type(screen.getByLabelText(/Password/), 'secret words')
    await user.click(screen.getByRole('button', { name: 'Sign in' }))
    await screen.findByText(/xWrap connected/)
    expect(sent('/auth/login')).toEqual([{ name: 'admin', password: 'secret words' }])
    await user.click(screen.getByRole('button', { name: 'admin' }))
    await user.click(await screen.findByRole('menuitem', { name: 'Sign out' }))
    await screen.findByLabelText(/Password/)
    expect(store.getState().session.token).toBeNull()
    expect(store.getState().orders.orders.rows).toEqual([])
  })

  it('tells why it was refused, and when to try again', async () => {
    noCookie()
    service.use(
      refusal('/auth/login', 401, 'unauthorised', 'too many logins failed', { retry_after_s: 30 }),
    )
    const { user } = await openPage('/', 'The first time')
    await user.type(screen.getByLabelText(/Name/), 'admin')
    await user.type(screen.getByLabelText(/Password/), 'x')
    await user.click(screen.getByRole('button', { name: 'Sign in' }))
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'Too many logins failed. Your money is not affected. Try again in 30 s.',
    )
  })

  it('asks for a password of one’s own where it was generated', async () => {
    noCookie()
    service.use(post('/auth/login', { ...recorded.login, must_change_password: true }))
    const { user } = await openPage('/', 'The first time')
    await user.type(screen.getByLabelText(/Name/), 'admin')
    await user.type(screen.getByLabelText(/Password/), 'generated')
    await user.click(screen.getByRole('button', { name: 'Sign in' }))
    await user.type(await screen.findByLabelText(/New password/), 'short')
    expect(screen.getByText('At least 12 characters.')).toBeInTheDocument()
    await user.type(screen.getByLabelText(/New password/), ' but longer now')
    await user.type(screen.getByLabelText(/Once more/), 'another')
    expect(screen.getByText('This is not the same.')).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Set the password' })).toBeDisabled()
    await user.clear(screen.getByLabelText(/Once more/))
    await user.type(screen.getByLabelText(/Once more/), 'short but longer now')
    service.use(post('/auth/login', recorded.login))
    await user.click(screen.getByRole('button', { name: 'Set the password' }))
    await screen.findByText(/xWrap connected/)
    expect(sent('/auth/password')).toEqual([{ old: 'generated', new: 'short but longer now' }])
  })

  it('is renewed by the cookie when the token ends, once for all requests', async () => {
    const { store } = await openPage()
    let expired = true
    service.use(
      post('/auth/refresh', { ...recorded.login, access_token: 'newer' }),
      http.get('*/xwrap/v1/health', ({ request }) => {
        if (request.headers.get('Authorization') === 'Bearer newer') expired = false
        return expired
          ? HttpResponse.json({ error: 'expired', data: {} }, { status: 401 })
          : HttpResponse.json(recorded.health)
      }),
    )
    const before = sent('/auth/refresh').length
    const { xwrapApi } = await import('@/shared/api/xwrap')
    const again = () =>
      store.dispatch(xwrapApi.endpoints.getHealth.initiate(undefined, { forceRefetch: true }))
    const answer = await again()
    expect(answer.data).toEqual(recorded.health)
    expect(store.getState().session.token).toBe('newer')
    expect(sent('/auth/refresh').length).toBe(before + 1)
  })

  it('is not asked for where xWrap is only away, and goes on once it is back', async () => {
    let away = true
    service.use(
      http.post('*/auth/refresh', () =>
        away
          ? HttpResponse.json({ error: 'away' }, { status: 502 })
          : HttpResponse.json(recorded.login),
      ),
    )
    await openPage('/', 'xWrap can’t be reached.')
    expect(screen.queryByLabelText(/Password/)).not.toBeInTheDocument()
    away = false
    expect(await screen.findByText(/xWrap connected/, {}, { timeout: 20_000 })).toBeInTheDocument()
  })

  it('ends where the cookie has ended too', async () => {
    const { store } = await openPage()
    service.use(
      http.get('*/xwrap/v1/health', () =>
        HttpResponse.json({ error: 'expired', data: {} }, { status: 401 }),
      ),
    )
    noCookie()
    const { xwrapApi } = await import('@/shared/api/xwrap')
    await store.dispatch(xwrapApi.endpoints.getHealth.initiate(undefined, { forceRefetch: true }))
    expect(await screen.findByText(/Your session has ended. Sign in again/)).toBeInTheDocument()
  })

  it('shows the reason where the service is away', async () => {
    service.use(http.get('*/xwrap/v1/exchanges', () => HttpResponse.error()))
    await openPage()
    expect(await screen.findByText(/xWrap gives no answer/)).toBeInTheDocument()
  })
})
