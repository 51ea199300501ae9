import { act, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import type { Amount } from '@/shared/amount'
import type { BookMessage, Order, TickerMessage } from '@/shared/api/wire'
import { drawn } from '@/testing/chart'
import { openPage } from '@/testing/page'
import { get, recorded, service } from '@/testing/service'

const at = (text: string) => text as Amount
const TIME = new Date().toISOString()
const ticker = (exchange: string, bid: string, ask: string): TickerMessage => ({
  exchange,
  pair: 'BTC_USD',
  bid: at(bid),
  ask: at(ask),
  time: TIME,
})
const book = (type: 'snapshot' | 'update', sequence: number): BookMessage => ({
  exchange: 'gdax',
  pair: 'BTC_USD',
  type,
  state: 'live',
  sequence,
  time: TIME,
  bids: [
    [at('1000'), at('0.5')],
    [at('990'), at('2')],
  ],
  asks: [
    [at('1010.5'), at('1')],
    [at('1030'), at('3')],
  ],
})

describe('the market', () => {
  it('shows live prices of each venue and between them', async () => {
    const { push, socket } = await openPage()
    await screen.findByRole('row', { name: /BTC\/USD gdax/ })
    await waitFor(() =>
      expect(socket.asked).toContainEqual({
        event: 'subscribe',
        argument: { channel: 'ticker', exchange: 'mirror', pair: 'BTC_USD' },
      }),
    )
    await push('ticker', ticker('gdax', '1000.5', '1001'))
    await push('ticker', ticker('mirror', '1003', '1004'))
    const row = screen.getByRole('row', { name: /BTC\/USD gdax/ })
    expect(row).toHaveTextContent(/1.000\.50/)
    expect(row).toHaveTextContent('0.50')
    expect(row).toHaveTextContent('19.98')
  })

  it('draws candles and follows the person to another pair and length', async () => {
    const { user } = await openPage()
    await screen.findByRole('img', { name: 'Candles of BTC/USD on gdax' })
    expect(drawn[0]).toHaveLength(recorded.candles.points.length)
    await user.click(screen.getByRole('row', { name: /ETH\/USD mirror/ }))
    await screen.findByRole('img', { name: 'Candles of ETH/USD on mirror' })
    await user.click(screen.getByRole('button', { name: '1d' }))
    expect(screen.getByRole('button', { name: '1d' })).toHaveAttribute('aria-pressed', 'true')
  })

  it('keeps the book, marks own orders in it, and asks anew after a gap', async () => {
    const { push, socket } = await openPage()
    await screen.findByText('Waiting for the book …')
    await push('book', book('snapshot', 1))
    await push('book', { ...book('update', 2), bids: [[at('995'), at('1')]], asks: [] })
    const ladder = screen.getByRole('table', { name: 'Best prices' })
    expect(within(ladder).getByText('995.00')).toBeInTheDocument()
    expect(within(ladder).getByText(/spread 10.50 USD/)).toBeInTheDocument()
    await push('order', {
      ...(recorded.orders[0] as unknown as Order),
      limit: at('990'),
      last_updated_at: '2100-01-01T00:00:00Z',
    })
    expect(within(ladder).getByTitle('your order')).toBeInTheDocument()
    const before = socket.asked.length
    await push('book', book('update', 9))
    expect(screen.queryByRole('table', { name: 'Best prices' })).toBeNull()
    expect(socket.asked.slice(before)).toEqual([
      { event: 'subscribe', argument: { channel: 'book', exchange: 'gdax', pair: 'BTC_USD' } },
    ])
  })

  it('shows trades of the market as they come', async () => {
    const { push } = await openPage()
    await screen.findByText('None since this page was opened.')
    await push('trades', {
      exchange: 'gdax',
      pair: 'BTC_USD',
      price: at('1002'),
      size: at('0.25'),
      taker_side: 'sell',
      trade_id: 5,
      time: TIME,
    })
    expect(await screen.findByRole('row', { name: /1.002 0\.2500/ })).toHaveTextContent('▼')
  })

  it('never shows as fresh what is not', async () => {
    const { push, socket } = await openPage()
    await screen.findByRole('row', { name: /BTC\/USD gdax/ })
    await push('ticker', ticker('gdax', '1000', '1001'))
    await push('book', book('snapshot', 1))
    act(() => socket.hear('disconnect', 'transport close'))
    expect(await screen.findByText(/xWrap can’t be reached/)).toBeInTheDocument()
    expect(screen.getByRole('row', { name: /BTC\/USD gdax/ })).toHaveTextContent(/stale/)
    expect(
      screen.getByText('There is no book: the page is not connected to xWrap.'),
    ).toBeInTheDocument()
    expect(screen.getByText('ledger ?')).toBeInTheDocument()
  })

  it('teaches what to do where no exchange is reached', async () => {
    service.use(get('/exchanges', []))
    await openPage()
    expect(await screen.findByText(/No pair is known yet/)).toBeInTheDocument()
  })
})
