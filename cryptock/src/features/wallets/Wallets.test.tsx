import { screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import type { WalletHistory, WalletSet } from '@/shared/api/wire'
import { drawn } from '@/testing/chart'
import { openPage, sent } from '@/testing/page'
import { get, post, recorded, refusal, service } from '@/testing/service'
import { valueOverTime } from '@/shared/wallets/history'

const set = recorded.wallets['3'] as unknown as WalletSet

describe('wallets', () => {
  it('show what there is, and follow what is pushed', async () => {
    const { push } = await openPage('/wallets')
    const table = await screen.findByRole('table', { name: 'Wallets of desk' })
    expect(within(table).getByRole('row', { name: /BTC/ })).toHaveTextContent('0.1')
    const [first] = set.wallets
    if (!first) throw new Error('no wallet was recorded')
    await push('wallet_set', {
      ...set,
      timestamp: set.timestamp + 10,
      wallets: [{ ...first, balance: '123.456' as typeof first.balance }],
    })
    expect(screen.getByRole('table', { name: 'Wallets of desk' })).toHaveTextContent('123.456')
    await push('wallet_set', set)
    expect(screen.getByRole('table', { name: 'Wallets of desk' })).toHaveTextContent('123.456')
  })

  it('allocate never more than there is', async () => {
    const { user } = await openPage('/wallets?new')
    await user.type(await screen.findByRole('textbox', { name: /Name/ }), 'mine')
    await user.click(await screen.findByRole('combobox', { name: '+ add funds of' }))
    await user.click(await screen.findByRole('option', { name: /BTC on gdax/ }))
    const field = screen.getByRole('textbox', { name: /BTC on gdax/ })
    await user.type(field, '1000000')
    expect(screen.getByRole('button', { name: 'Allocate' })).toBeDisabled()
    await user.tab()
    expect(field).toHaveValue('100')
    await user.clear(field)
    await user.type(field, '2.5')
    await user.click(screen.getByRole('button', { name: 'Allocate 2.5 BTC' }))
    await waitFor(() =>
      expect(sent('/wallets/new')).toEqual([
        { run_id: 'mine', wallets: [{ exchange: 'gdax', currency: 'BTC', allocation: '2.5' }] },
      ]),
    )
  })

  it('take back and give', async () => {
    const { user } = await openPage('/wallets')
    await user.click(await screen.findByRole('button', { name: 'Move funds' }))
    await user.click(await screen.findByRole('button', { name: 'Take back' }))
    await user.type(screen.getByRole('textbox', { name: /Amount/ }), '5')
    await user.click(screen.getByRole('button', { name: /^Take back 5 USD/ }))
    await waitFor(() =>
      expect(sent('/wallets/allocate')).toEqual([
        { wallet_set_id: 3, exchange: 'gdax', base: 'USD', movement: '-5' },
      ]),
    )
  })

  it('get virtual funds on paper', async () => {
    service.use(refusal('/xwrap/v1/wallets/virtual/transaction', 400, 'invalid_amount', 'too long'))
    const { user } = await openPage('/wallets')
    await user.click(await screen.findByRole('button', { name: 'Add virtual funds' }))
    await user.type(await screen.findByRole('textbox', { name: /Amount/ }), '50 000')
    await user.click(screen.getByRole('button', { name: /^Add 50.000 USD/ }))
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'Too long. No funds were moved. Change it and try again.',
    )
    service.use(post('/xwrap/v1/wallets/virtual/transaction', 7))
    await user.click(screen.getByRole('button', { name: /^Add 50.000 USD/ }))
    await waitFor(() =>
      expect(sent('/transaction').at(-1)).toEqual({
        exchange: 'gdax',
        base: 'USD',
        movement: '50000',
      }),
    )
  })

  it('are closed with their orders, in words', async () => {
    const { user } = await openPage('/wallets')
    await user.click(await screen.findByRole('button', { name: 'Close' }))
    expect(
      await screen.findByText(
        /go back to what is unallocated. Its 1 open orders are cancelled first/,
      ),
    ).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: 'Close the wallet set' }))
    await waitFor(() =>
      expect(sent('/wallets/deactivate')).toEqual([{ wallet_set_id: 3, force: true }]),
    )
  })

  it('show differences and incidents, and take a difference over with a reason', async () => {
    service.use(
      get('/control', {
        ...recorded.control,
        suspense: [{ exchange: 'gdax', currency: 'BTC', amount: '-0.5' }],
      }),
      get('/control/incidents', [
        {
          kind: 'difference',
          time: '2026-01-01T00:00:00Z',
          exchange: 'gdax',
          subject: 'BTC',
          text: 'half a coin is missing',
          by: '',
        },
      ]),
    )
    const { user } = await openPage('/wallets')
    expect(await screen.findByText('gdax: half a coin is missing')).toBeInTheDocument()
    await user.click(await screen.findByRole('button', { name: 'Acknowledge' }))
    expect(screen.getByRole('button', { name: 'Take it over' })).toBeDisabled()
    await user.type(screen.getByRole('textbox', { name: /Why/ }), 'a fee of the bank')
    await user.click(screen.getByRole('button', { name: 'Take it over' }))
    await waitFor(() =>
      expect(sent('/control/acknowledge')).toEqual([
        { exchange: 'gdax', currency: 'BTC', note: 'a fee of the bank' },
      ]),
    )
  })

  it('are drawn over time', async () => {
    const history = {
      ...recorded.history,
      data: [[60, ...set.wallets], [120, ...set.wallets], [120.5]],
    } as unknown as WalletHistory
    expect(valueOverTime(history).map(({ time }) => time)).toEqual([60, 120])
    expect(valueOverTime(history)[1]?.value).toBe(0)
    service.use(get('/wallets/history/:id', history as never))
    await openPage('/wallets')
    await screen.findByRole('img', { name: 'Value of desk over time, in USD' })
    expect(drawn.at(-1)).toHaveLength(2)
  })

  it('tell what moved in them, and why', async () => {
    await openPage('/wallets')
    const lines = await screen.findByRole('table', { name: 'Movements of desk' })
    const [newest] = within(lines).getAllByRole('row').slice(1)
    expect(newest).toHaveTextContent(/fee.*−?-?0.0049608.*USD/)
  })

  it('teach the first step where there are none, and do not offer it to viewers', async () => {
    const { total, unallocated, allocated } = recorded.wallets
    service.use(
      get('/wallets/sets', { total, unallocated, allocated }),
      post('/auth/refresh', { ...recorded.login, role: 'viewer' }),
    )
    await openPage('/wallets')
    expect(await screen.findByText(/There is none yet/)).toBeInTheDocument()
    expect(screen.queryByRole('button', { name: 'Allocate funds' })).toBeNull()
    expect(screen.getByRole('button', { name: 'New wallet set' })).toBeDisabled()
  })
})
