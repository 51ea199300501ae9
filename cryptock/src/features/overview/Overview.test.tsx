import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'
import type { Amount } from '@/shared/amount'
import type { Order, Trade, Wallets } from '@/shared/api/wire'
import * as csv from '@/shared/csv'
import { selectOrders } from '@/shared/live/orders'
import { drawn } from '@/testing/chart'
import { openPage } from '@/testing/page'
import { get, getRuns, recorded, service } from '@/testing/service'
import { currenciesOf, holdings } from './holdings'

const [resting, filled] = recorded.orders as unknown as [Order, Order]
const [trade] = recorded.trades as unknown as [Trade]

/** So many orders, of three runs; the newest is the highest. */
const many = (count: number): Order[] =>
  Array.from({ length: count }, (_, at) => ({
    ...filled,
    id: count - at,
    client_order_id: `order-${count - at}`,
    run_id: `run_${at % 3}`,
    fee: `${at}.1` as Amount,
    side: at % 2 === 0 ? 'buy' : 'sell',
  }))

/** As the service has them: pages, each after the last one's number. */
function paged(path: string, rows: readonly { id: number }[]) {
  return http.get(`*/xwrap/v1${path}`, ({ request }) => {
    const query = new URL(request.url).searchParams
    const before = Number(query.get('before_id') ?? Infinity)
    const found = rows.filter(({ id }) => id < before)
    return HttpResponse.json(found.slice(0, Number(query.get('limit'))) as never)
  })
}

const lines = async () => {
  const found = await screen.findByLabelText('All orders')
  return within(found)
    .getAllByRole('row', { hidden: true }) // also behind the sheet
    .slice(1)
    .map(({ textContent }) => textContent)
}
const told = (text: RegExp) => screen.findByText(text, { selector: '[role=status]' })

async function withOrders(count = 30, path = '/overview?show=orders') {
  service.use(paged('/orders/recent', many(count)), get('/trades', []))
  const page = await openPage(path)
  await told(new RegExp(`^${count} orders`))
  return page
}

describe('the overview', () => {
  it('tells who holds what, how strategies do, and draws what everything is worth', async () => {
    const set = recorded.wallets['3']
    const history = {
      ...recorded.history,
      id: 1,
      data: [
        [60, ...set.wallets],
        [120, ...set.wallets],
      ],
    }
    service.use(get('/wallets/history/:id', history as never))
    const { user } = await openPage('/overview')
    const wallets = await screen.findByRole('table', { name: 'Wallets by run' })
    expect(await within(wallets).findByRole('row', { name: /desk.*24.954\.21/ })).toHaveTextContent(
      '17 551.647426',
    )
    expect(within(wallets).getByRole('row', { name: /unallocated/ })).toHaveTextContent('200')
    const strategies = await screen.findByRole('table', { name: 'Performance by strategy' })
    const [first] = recorded.performance
    expect(
      within(strategies).getAllByRole('row', { name: new RegExp(first?.strategy ?? '?') })[0],
    ).toHaveTextContent(first?.mode ?? '?')
    await screen.findByRole('img', { name: /everything from/ })
    await waitFor(() => expect(drawn.at(-1)).toHaveLength(2))
    await user.click(screen.getByRole('button', { name: 'each run' }))
    expect(await screen.findByRole('button', { name: 'each run', pressed: true })).toBeVisible()
  })

  it('does without what an older Cryptick does not tell', async () => {
    service.use(
      http.get('*/api/cryptick/performance', () =>
        HttpResponse.json({ error: 'there is no such route', data: {} }, { status: 404 }),
      ),
      get('/wallets/history/:id', { ...recorded.history, id: 1, data: [] } as never),
    )
    await openPage('/overview')
    expect(await screen.findByText(/does not sum up its runs/)).toBeInTheDocument()
    expect(await screen.findByText(/kept once a minute/)).toBeInTheDocument()
  })

  it('teaches the first step where nothing has been traded', async () => {
    service.use(get('/orders/recent', []), get('/trades', []))
    const { user } = await openPage('/overview?show=orders')
    expect(await screen.findByText(/There are no orders yet/)).toBeInTheDocument()
    await user.click(screen.getByRole('tab', { name: 'Trades' }))
    expect(await screen.findByText(/There are no trades yet/)).toBeInTheDocument()
    expect(screen.getByRole('link', { name: 'Start a run' })).toHaveAttribute('href', '/')
  })
})

describe('all orders', () => {
  it('are read page by page, and tell of it where that fails', async () => {
    let fails = true
    service.use(
      get('/trades', []),
      http.get('*/xwrap/v1/orders/recent', ({ request }) =>
        fails && request.url.includes('before_id') ? HttpResponse.error() : undefined,
      ),
      paged('/orders/recent', many(2500)),
    )
    const { user, store } = await openPage('/overview?show=orders')
    const alert = await screen.findByRole('alert')
    expect(alert).toHaveTextContent('xWrap gives no answer.')
    fails = false
    await user.click(within(alert).getByRole('button', { name: 'Try again' }))
    await told(/^2.500 orders\s*$/)
    expect(selectOrders(store.getState())).toHaveLength(2500)
  })

  it('are sorted by their headers, one after another', async () => {
    const { user } = await withOrders()
    await user.click(screen.getByText('Fee'))
    await waitFor(async () => expect((await lines())[0]).toContain('0.1000'))
    await user.click(screen.getByText('Fee'))
    await waitFor(async () => expect((await lines())[0]).toContain('29.1000'))
    expect(screen.getByRole('columnheader', { name: /Fee/ })).toHaveAttribute(
      'aria-sort',
      'descending',
    )
    await user.keyboard('{Shift>}')
    await user.click(screen.getByText('For'))
    await user.keyboard('{/Shift}')
    expect(screen.getByRole('columnheader', { name: /For/ })).toHaveAttribute(
      'aria-sort',
      'ascending',
    )
    expect(screen.getByRole('columnheader', { name: /Fee/ })).toHaveTextContent('▼1')
  })

  it('are filtered by chips that can be edited', async () => {
    const { user } = await withOrders()
    const filter = async (column: string) => {
      await user.click(screen.getByRole('button', { name: '+ filter' }))
      await user.click(await screen.findByRole('menuitem', { name: column }))
      return screen.findByRole('dialog', { name: `Filter by ${column}` })
    }
    const choice = await filter('For')
    await user.click(within(choice).getByRole('checkbox', { name: 'run_0' }))
    await user.click(within(choice).getByRole('button', { name: 'Done' }))
    await told(/^10 orders of 30 orders/)
    const range = await filter('Fee')
    await user.type(within(range).getByLabelText('At least'), '1x')
    expect(within(range).getByRole('button', { name: 'Apply' })).toBeDisabled()
    await user.type(within(range).getByLabelText('At least'), '{Backspace}0')
    await user.type(within(range).getByLabelText('At most'), '20{Enter}')
    await told(/^3 orders of 30 orders/)
    await user.click(screen.getByRole('button', { name: 'Fee from 10 to 20' }))
    const again = await screen.findByRole('dialog', { name: 'Filter by Fee' })
    await user.clear(within(again).getByLabelText('At most'))
    await user.click(within(again).getByRole('button', { name: 'Apply' }))
    await told(/^6 orders of 30 orders/)
    const text = await filter('Id')
    await user.type(within(text).getByRole('textbox'), 'nothing{Enter}')
    await told(/^0 orders of 30 orders/)
    const time = await filter('Done')
    fireEvent.change(within(time).getByLabelText('From (UTC)'), {
      target: { value: '2000-01-01T00:00' },
    })
    await user.click(within(time).getByRole('button', { name: 'Apply' }))
    expect(
      await screen.findByRole('button', { name: 'Done from 2000-01-01 00:00' }),
    ).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: 'Show all' }))
    await told(/^30 orders\s*$/)
  })

  it('are grouped by menu or by dragging a header, with exact sums', async () => {
    const { user } = await withOrders()
    await user.click(screen.getByRole('button', { name: '+ group' }))
    await user.click(await screen.findByRole('menuitem', { name: 'For' }))
    const tree = await screen.findByRole('treegrid', { name: 'All orders' })
    const group = await within(tree).findByRole('row', { name: /For run_0 10 rows/ })
    expect(group).toHaveTextContent('136.0000') // 0.1 + 3.1 + … + 27.1
    expect(group).toHaveAttribute('aria-expanded', 'false')
    await user.click(group)
    await waitFor(async () => expect(await lines()).toHaveLength(13))
    const data = new Map<string, string>()
    const dataTransfer = {
      setData: (type: string, text: string) => data.set(type, text),
      getData: (type: string) => data.get(type) ?? '',
      get types() {
        return [...data.keys()]
      },
    }
    const bar = screen.getByRole('group', { name: /Groups/ })
    fireEvent.dragStart(screen.getByRole('columnheader', { name: /Side/ }), { dataTransfer })
    fireEvent.dragOver(bar, { dataTransfer })
    fireEvent.drop(bar, { dataTransfer })
    await user.click(screen.getByRole('button', { name: 'open all' }))
    await waitFor(() => expect(tree).toHaveAttribute('aria-rowcount', String(1 + 3 + 6 + 30)))
    await user.click(screen.getByRole('button', { name: 'close all' }))
    await waitFor(() => expect(tree).toHaveAttribute('aria-rowcount', '4'))
    fireEvent.dragStart(screen.getByRole('columnheader', { name: /Fee/ }), { dataTransfer })
    fireEvent.drop(screen.getByRole('columnheader', { name: /When/ }), { dataTransfer })
    expect(screen.getAllByRole('columnheader')[0]).toHaveTextContent('Fee')
  })

  it('are gone through by keys', async () => {
    const { user } = await withOrders()
    const table = await screen.findByRole('grid', { name: 'All orders' })
    const at = () => document.getElementById(table.getAttribute('aria-activedescendant') ?? '')
    act(() => table.focus())
    expect(at()).toHaveTextContent('When')
    await user.keyboard('{ArrowRight}{Enter}')
    expect(at()).toHaveAttribute('aria-sort', 'ascending')
    await user.keyboard('{Enter}{Enter}{Alt>}{ArrowLeft}{/Alt}')
    expect(screen.getAllByRole('columnheader')[0]).toHaveTextContent('State')
    await user.keyboard('{Alt>}{ArrowDown}{/Alt}')
    await user.click(await screen.findByRole('menuitem', { name: 'Group by it' }))
    const tree = await screen.findByRole('treegrid')
    act(() => tree.focus())
    await user.keyboard('{ArrowDown}{Home}{ArrowRight}')
    await waitFor(() => expect(tree).toHaveAttribute('aria-rowcount', '32'))
    await user.keyboard('{ArrowLeft}')
    await waitFor(() => expect(tree).toHaveAttribute('aria-rowcount', '2'))
    await user.keyboard('{ArrowRight}{ArrowDown}{PageDown}{PageUp}{End}')
    expect(at()).toHaveAttribute('aria-colindex', '12')
    await user.keyboard('{Control>}{End}{/Control}{Control>}{Home}{/Control}{ArrowDown}{Enter}')
    expect(await screen.findByRole('heading', { name: /Buy|Sell/ })).toBeInTheDocument()
  })

  it('show the columns that are wanted, in views that are kept and shared', async () => {
    const { user } = await withOrders()
    await user.click(screen.getByRole('button', { name: 'Columns' }))
    await user.click(await screen.findByRole('menuitemcheckbox', { name: 'Mode' }))
    await user.keyboard('{Escape}')
    expect(await screen.findByRole('columnheader', { name: /Mode/ })).toBeInTheDocument()
    const views = async (item: RegExp | string) => {
      await user.click(screen.getByRole('button', { name: 'Views' }))
      await user.click(await screen.findByRole('menuitem', { name: item }))
    }
    await views(/Save or share/)
    const dialog = await screen.findByRole('dialog')
    expect(within(dialog).getByLabelText('Link to it, for others')).toHaveDisplayValue(/view=/)
    await user.type(within(dialog).getByLabelText('Name of the view'), 'mine')
    await user.click(within(dialog).getByRole('checkbox'))
    await user.click(within(dialog).getByRole('button', { name: 'Save the view' }))
    await views('As it is at first')
    await waitFor(() => expect(screen.queryByRole('columnheader', { name: /Mode/ })).toBeNull())
    await views(/^mine/)
    expect(await screen.findByRole('columnheader', { name: /Mode/ })).toBeInTheDocument()
    // It is what is shown first from now on.
    await user.click(screen.getByRole('tab', { name: 'Trades' }))
    await user.click(screen.getByRole('tab', { name: 'Orders' }))
    expect(await screen.findByRole('columnheader', { name: /Mode/ })).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: 'Views' }))
    await user.click(await screen.findByRole('button', { name: 'Remove mine' }))
    await waitFor(() => expect(screen.queryByRole('menuitem', { name: /^mine/ })).toBeNull())
  })

  it('are exported as they are filtered', async () => {
    const download = vi.spyOn(csv, 'download').mockImplementation(() => undefined)
    const view = { columns: ['client_order_id', 'fee'], filters: [], groups: [], sort: [] }
    const { user } = await withOrders(
      3,
      `/overview?show=orders&view=${encodeURIComponent(JSON.stringify(view))}`,
    )
    await user.click(screen.getByRole('button', { name: 'Export CSV' }))
    await waitFor(() =>
      expect(download).toHaveBeenCalledWith('orders.csv', [
        'client_order_id,fee\r\n',
        'order-3,0.1\r\norder-2,1.1\r\norder-1,2.1\r\n',
      ]),
    )
    download.mockRestore()
  })

  it('that are pushed leave what is chosen, and their story is told to the end', async () => {
    const runId = recorded.runFrontier.run_id
    service.use(
      get('/orders/recent', [resting, { ...filled, run_id: runId }] as never),
      get('/trades', recorded.trades),
    )
    const { user, push } = await openPage('/overview?show=orders')
    await told(/^2 orders/)
    await user.click(await screen.findByRole('row', { name: /filled/ }))
    expect(await screen.findByRole('heading', { name: 'Buy 0.1 BTC on gdax' })).toBeInTheDocument()
    expect(screen.getByRole('table', { name: 'Trades of this order' })).toHaveTextContent(
      trade.exec_amount,
    )
    const ledger = await screen.findByRole('table', { name: 'Ledger lines of this order' })
    expect(within(ledger).getAllByRole('row', { name: /fee/ })).toHaveLength(1)
    expect(within(ledger).getAllByRole('row', { name: /filled/ })).toHaveLength(2)
    expect(await screen.findByText(/because of|of the run,/)).toBeInTheDocument()
    expect(screen.getByRole('link', { name: runId })).toHaveAttribute('href', `/runs/${runId}`)
    await push('order', { ...filled, id: 77, run_id: 'new', client_order_id: 'pushed' })
    await user.click(screen.getByRole('button', { name: 'Close' }))
    await told(/^3 orders/)
    expect((await lines())[0]).toContain('new')
  })

  it('have no ledger in their story where xWrap does not tell', async () => {
    service.use(
      http.get('*/xwrap/v1/movements', () =>
        HttpResponse.json({ error: 'no such route', data: {} }, { status: 404 }),
      ),
      getRuns('/runs/:runId/messages', { messages: [], next: 0, last: 0 }),
    )
    const { user } = await openPage('/overview?show=trades')
    await user.click(await screen.findByRole('row', { name: /taker/ }))
    expect(await screen.findByRole('heading', { name: 'Buy 0.1 BTC on gdax' })).toBeInTheDocument()
    await waitFor(() => expect(screen.queryByText('Ledger')).toBeNull())
  })
})

describe('holdings', () => {
  it('are summed by run and currency, the richest first', () => {
    const set = recorded.wallets['3']
    const { unallocated } = recorded.wallets
    const poor = { ...set, id: 9, run_id: 'poor', wallets: set.wallets.slice(1) }
    const none = { ...set, id: 10, run_id: 'none', wallets: [] }
    const held = holdings({ sets: [none, poor, set], unallocated } as unknown as Wallets)
    expect(held.map(({ runId }) => runId)).toEqual(['desk', 'poor', ''])
    expect(held[0]?.byCurrency.get('BTC')?.balance).toBe('0.1')
    expect(currenciesOf(held)[0]).toBe('BTC')
  })
})
