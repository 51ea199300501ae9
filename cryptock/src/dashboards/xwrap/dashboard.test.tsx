import { screen, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { openPage } from '@/testing/page'
import { get, service } from '@/testing/service'
import { XWRAP_DASHBOARD } from './dashboard'

const record = (created: number, levelname: string, message: string) => ({
  created,
  levelname,
  name: 'exchange_wrapper.feed',
  message,
})

const open = () => openPage('/', 'xWrap connected', XWRAP_DASHBOARD)
const lines = () =>
  within(screen.getByRole('table', { name: 'Log' }))
    .getAllByRole('row')
    .slice(1)
    .map((row) => within(row).getAllByRole('cell')[2]?.textContent)

describe('the dashboard of xWrap', () => {
  it('shows its exchanges, and each book with its state', async () => {
    const { hub } = await open()
    expect(await screen.findByText('Health of the exchanges')).toBeInTheDocument()
    expect(await screen.findAllByText('0.4 / 0.6 %')).not.toHaveLength(0)
    const books = await screen.findByRole('table', { name: 'Books' })
    expect(await within(books).findAllByText('live')).toHaveLength(6)
    expect(screen.queryByText(/^hub/)).not.toBeInTheDocument()
    expect(hub.connects).toBe(0)
  })

  it('follows the log, by level and text, after what was said before', async () => {
    const before = record(1_700_000_000, 'WARNING', 'gdax was silent')
    service.use(
      get('/notifications', {
        notifications: [
          { method: 'logmessages', params: before },
          { method: 'exchstatus', params: {} },
        ],
        last_seq: 7,
        complete: true,
      }),
    )
    const { push, user } = await open()
    expect(await screen.findByText('gdax was silent')).toBeInTheDocument()
    await push('logmessages', record(1_700_000_002, 'ERROR', 'a gap in BTC_USD'))
    await push('logmessages', record(1_700_000_003, 'INFO', 'all is well'))
    expect(lines()).toEqual(['all is well', 'a gap in BTC_USD', 'gdax was silent'])
    await user.click(screen.getByRole('button', { name: 'warnings' }))
    expect(lines()).toEqual(['a gap in BTC_USD', 'gdax was silent'])
    await user.type(screen.getByLabelText('Search the log'), 'gap')
    expect(lines()).toEqual(['a gap in BTC_USD'])
    await user.type(screen.getByLabelText('Search the log'), 'pppp')
    expect(screen.getByText('Nothing in the log is like that.')).toBeInTheDocument()
  })

  it('has the wallets and orders of Cryptock', async () => {
    const { user } = await open()
    await user.click(screen.getByRole('link', { name: 'Orders' }))
    expect(await screen.findByRole('button', { name: 'New order' })).toBeEnabled()
    await user.click(screen.getByRole('link', { name: 'Wallets' }))
    expect(await screen.findByText('All funds')).toBeInTheDocument()
  })
})
