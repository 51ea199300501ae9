import { screen, waitFor, within } from '@testing-library/react'
import { delay, http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'
import type { Amount } from '@/shared/amount'
import type { Order } from '@/shared/api/wire'
import { openPage, sent } from '@/testing/page'
import { get, post, recorded, refusal, service } from '@/testing/service'
import * as csv from '@/shared/csv'
import { stateOf } from '@/shared/orders/state'
import { ordersCsv } from './csv'
import { choices, filtered } from './state'

const [resting, done] = recorded.orders as unknown as [Order, Order]

async function fillIn(size: string, limit: string) {
  const page = await openPage('/orders?new')
  await page.user.type(await screen.findByRole('textbox', { name: /Size/ }), size)
  await page.user.type(screen.getByRole('textbox', { name: /Limit/ }), limit)
  return page
}

describe('orders', () => {
  it('are listed, filtered and told as a story', async () => {
    const { user } = await openPage('/orders')
    const table = await screen.findByRole('table', { name: 'Orders' })
    await waitFor(() => expect(within(table).getAllByRole('row')).toHaveLength(3))
    await user.click(screen.getByText('+ filter'))
    await user.click(await screen.findByRole('menuitem', { name: /done/ }))
    await waitFor(() =>
      expect(
        within(screen.getByRole('table', { name: 'Orders' })).getAllByRole('row'),
      ).toHaveLength(2),
    )
    await user.click(await screen.findByRole('row', { name: /filled buy/ }))
    const story = await screen.findByRole('heading', { name: 'Buy 0.1 BTC on gdax' })
    expect(story).toBeInTheDocument()
    expect(screen.getByRole('table', { name: 'Trades of this order' })).toHaveTextContent(
      recorded.trades[0]?.exec_amount ?? '?',
    )
  })

  it('are exported as they are', async () => {
    const download = vi.spyOn(csv, 'download').mockImplementation(() => undefined)
    const { user } = await openPage('/orders')
    await screen.findByRole('row', { name: /open buy/ })
    await user.click(screen.getByRole('button', { name: 'Export CSV' }))
    expect(download).toHaveBeenCalledWith('orders.csv', [ordersCsv([resting, done])])
    download.mockRestore()
  })

  it('are made after a confirmation in words, once', async () => {
    service.use(
      http.post('*/orders/new', async ({ request }) => {
        bodies.push(await request.json())
        await delay(50)
        return HttpResponse.json(['accepted', ''])
      }),
    )
    const bodies: unknown[] = []
    const { user } = await fillIn('0.5', '1000')
    await user.click(screen.getByRole('button', { name: 'Review' }))
    expect(
      screen.getByText(
        /Buy 0\.5 BTC on gdax at 1.000 USD or better \(about 500\.00 USD, fee at most ≈ 3\.00 USD\), paid by desk\?/,
      ),
    ).toBeInTheDocument()
    await user.dblClick(screen.getByRole('button', { name: 'Buy 0.5 BTC' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(bodies).toEqual([
      expect.objectContaining({
        run_id: 'desk',
        exchange: 'gdax',
        pair: 'BTC_USD',
        side: 'buy',
        type: 'limit',
        size: '0.5',
        limit: '1000',
        wallet_set_id: 3,
      }),
    ])
  })

  it.each([
    ['0', '1000', 'Give a size.'],
    ['0.000000001', '1000', 'Size: At least'],
    ['0.5', '1000.001', 'Limit: In steps of 0.01.'],
    ['0.0001', '1', 'It has to be worth at least 1 USD.'],
    ['100', '1000', /desk has .* USD available/],
  ])('of %s at %s are not offered', async (size, limit, problem) => {
    await fillIn(size, limit)
    expect(screen.getByText(problem, { exact: false })).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Review' })).toBeDisabled()
  })

  it('keep their id while nobody knows what became of them', async () => {
    service.use(
      http.post('*/orders/new', async ({ request }) => {
        ids.push(((await request.json()) as { client_oid: string }).client_oid)
        return HttpResponse.error()
      }),
    )
    const ids: string[] = []
    const { user } = await fillIn('0.5', '1000')
    await user.click(screen.getByRole('button', { name: 'Review' }))
    await user.click(screen.getByRole('button', { name: 'Buy 0.5 BTC' }))
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'The order may have been made. Try again: the same order is never made twice.',
    )
    await user.click(screen.getByRole('button', { name: 'Buy 0.5 BTC' }))
    await waitFor(() => expect(ids).toHaveLength(2))
    expect(ids[0]).toBe(ids[1])
  })

  it('that are refused were not made, and say why', async () => {
    service.use(post('/xwrap/v1/orders/new', ['rejected', 'trading is stopped']))
    const { user } = await fillIn('0.5', '1000')
    await user.click(screen.getByRole('button', { name: 'Review' }))
    await user.click(screen.getByRole('button', { name: 'Buy 0.5 BTC' }))
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'Trading is stopped. No order was made and no funds are held for it.',
    )
    await user.click(screen.getByRole('button', { name: 'Back' }))
    expect(screen.getByRole('button', { name: 'Review' })).toBeEnabled()
  })

  it('are cancelled after a question', async () => {
    const { user } = await openPage('/orders')
    await user.click(await screen.findByRole('row', { name: /open buy/ }))
    await user.click(await screen.findByRole('button', { name: 'Cancel this order' }))
    expect(screen.getByText(/0\.5 BTC on gdax, of which 0 BTC are filled/)).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: 'Cancel the order' }))
    await waitFor(() =>
      expect(sent('/orders/cancel')).toEqual([{ exchange: 'gdax', client_order_id: 'resting' }]),
    )
    await waitFor(() => expect(screen.getAllByText('cancelled')).not.toHaveLength(0))
  })

  it('stand as they were where cancelling them fails', async () => {
    service.use(refusal('/xwrap/v1/orders/cancel', 503, 'exchange_not_ready', 'gdax is not ready'))
    const { user } = await openPage('/orders')
    await user.click(await screen.findByRole('row', { name: /open buy/ }))
    await user.click(await screen.findByRole('button', { name: 'Cancel this order' }))
    await user.click(screen.getByRole('button', { name: 'Cancel the order' }))
    expect(await screen.findByRole('alert')).toHaveTextContent('Gdax is not ready.')
  })

  it('need funds first', async () => {
    const { total, unallocated, allocated } = recorded.wallets
    service.use(
      get('/wallets/sets', { total, unallocated, allocated }),
      get('/orders/recent', []),
      get('/trades', []),
    )
    await openPage('/orders?new')
    expect(await screen.findByText(/there is none yet/)).toBeInTheDocument()
  })
})

describe('an order', () => {
  const of = (changes: Partial<Order>) => ({ ...resting, ...changes })
  it.each([
    [{}, 'open'],
    [{ filled_size: '0.1' as Amount }, '20 % filled'],
    [{ status: 'done', done_reason: 'filled' }, 'filled'],
    [{ status: 'done', done_reason: 'rejected' }, 'rejected'],
    [{ status: 'done', done_reason: 'cancelled' }, 'cancelled'],
    [
      { status: 'done', done_reason: 'cancelled', filled_size: '0.1' as Amount },
      'cancelled, part filled',
    ],
  ])('%j is %s', (changes, word) => expect(stateOf(of(changes)).word).toBe(word))
  it('fits filters of all fields and any value of one', () => {
    const all = [
      of({ id: 1, pair: 'A_B' }),
      of({ id: 2, pair: 'C_B' }),
      of({ id: 3, pair: 'C_B', side: 'sell' }),
    ]
    const ids = (...filters: Parameters<typeof filtered>[1]) =>
      filtered(all, filters).map(({ id }) => id)
    expect(ids({ field: 'pair', value: 'C_B' })).toEqual([2, 3])
    expect(ids({ field: 'pair', value: 'C_B' }, { field: 'side', value: 'sell' })).toEqual([3])
    expect(ids({ field: 'pair', value: 'C_B' }, { field: 'pair', value: 'A_B' })).toEqual([1, 2, 3])
    expect(choices(all).filter(({ field }) => field === 'pair')).toHaveLength(2)
  })
  it('in CSV is quoted where it must be, and never a formula', () => {
    const [, line] = ordersCsv([
      of({ run_id: 'a "b", c', client_order_id: '=1+1', message: '-x' }),
    ]).split('\r\n')
    expect(line).toContain('"a ""b"", c"')
    expect(line).toContain("'=1+1")
    expect(line).toContain("'-x")
  })
})
