import { act, screen, waitFor, within } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { describe, expect, it, vi } from 'vitest'
import type { HubMessage } from '@/shared/api/runs'
import type { Order, Trade, WalletSet } from '@/shared/api/wire'
import { drawn } from '@/testing/chart'
import { openPage, sent } from '@/testing/page'
import {
  components,
  get,
  getRuns,
  messagesOf,
  post,
  posted,
  put,
  recorded,
  service,
} from '@/testing/service'

const plots: { type: string; data: { datasets: { data: unknown[] }[] } }[] = []

vi.mock('chart.js', () => {
  const parts =
    'ArcElement BarController BarElement CategoryScale LinearScale PieController PointElement ScatterController Tooltip'
  class Chart {
    static register = () => undefined
    data: unknown
    constructor(_: unknown, config: (typeof plots)[number]) {
      this.data = config.data
      plots.push(config)
    }
    update = () => undefined
    destroy = () => undefined
  }
  return { Chart, ...Object.fromEntries(parts.split(' ').map((name) => [name, name])) }
})

const cross = recorded.runCross
const demoRows = recorded.rowsDemo as unknown as Record<string, never>
const [resting, filled] = recorded.orders as unknown as [Order, Order]
const [trade] = recorded.trades as unknown as [Trade]

/** A paper run of the demo, that goes on. */
const PAPER = {
  ...cross,
  run_id: 'componentdemo_0',
  strategy: 'ComponentDemo',
  label: 'try it',
  mode: 'paper',
  state: 'running',
  running: true,
  ended_at: undefined,
  wallet_set_id: 3,
  equity: '10100.5',
  fees_paid: { USD: '1.25' },
  orders: 2,
  trades: 1,
}

/** The components of the demo with as many rows as were recorded. */
const FORMATS = recorded.componentsDemo.map((each) => ({
  ...each,
  rows: (demoRows[each.id] as { rows: unknown[] } | undefined)?.rows.length ?? 0,
}))

const openDemo = (changes: object = {}, formats: typeof FORMATS = FORMATS, rows = demoRows) => {
  service.use(
    getRuns('/runs/componentdemo_0', { ...PAPER, ...changes }),
    ...components('componentdemo_0', formats, rows),
  )
  return openPage('/runs/componentdemo_0')
}

/** The components of the demo with some of one replaced. */
const withChanged = (id: string, changes: object) =>
  FORMATS.map((each) => (each.id === id ? { ...each, ...changes } : each))

const plain = (text: string | null) => (text ?? '').replaceAll('\u202f', ' ')

describe('a run', () => {
  it('says what it trades with, how it stands and what it has come to', async () => {
    await openPage('/runs/smacross_0')
    const title = await screen.findByRole('heading', { name: 'SmaCross' })
    const head = title.closest('section')
    expect(plain(head?.textContent ?? '')).toMatch(
      /backtest.*stopped.*smacross_0.*by admin.*9 476\.39 USD.*▼ −5\.24 % −523\.61 of 10 000\.00 USD.*12 orders, 12 trades/,
    )
    expect(screen.getByRole('link', { name: 'Report' })).toHaveAttribute(
      'href',
      '/backtests/smacross_0',
    )
    expect(screen.getByRole('link', { name: 'Run again' })).toHaveAttribute(
      'href',
      '/?from=smacross_0',
    )
    expect(screen.queryByRole('button', { name: 'Stop' })).toBeNull()
  })

  it('that does not exist is said not to', async () => {
    service.use(
      http.get('*/api/cryptick/runs/nothing_7', () =>
        HttpResponse.json(
          { error: "there is no run 'nothing_7'", data: { error: 'unknown_name' } },
          { status: 404 },
        ),
      ),
    )
    await openPage('/runs/nothing_7')
    expect(await screen.findByText(/There is no run nothing_7/)).toBeInTheDocument()
  })

  it('shows how far a backtest has come, and is brought up to date by what is pushed', async () => {
    service.use(
      getRuns('/runs/smacross_0', {
        ...cross,
        state: 'running',
        running: true,
        ended_at: undefined,
        progress: 0.25,
      }),
    )
    const { tell } = await openPage('/runs/smacross_0')
    expect(await screen.findByRole('progressbar', { name: /backtest/ })).toHaveAttribute(
      'aria-valuenow',
      '25',
    )
    await tell('run', { run_id: 'smacross_0', seq: 3, progress: 0.5, orders: 20 })
    expect(screen.getByRole('progressbar', { name: /backtest/ })).toHaveAttribute(
      'aria-valuenow',
      '50',
    )
    expect(screen.getByText(/20 orders/)).toBeInTheDocument()
  })

  it('that has failed says why, what became of its money, and what led there', async () => {
    service.use(
      getRuns('/runs/smacross_0', {
        ...PAPER,
        state: 'failed',
        running: false,
        error: 'division by zero in on_bar',
        traceback: 'Traceback: line 12',
        settled: '2 open orders were cancelled; wallet set 3 was kept',
      }),
    )
    const { user } = await openPage('/runs/smacross_0')
    const note = await screen.findByText('It has failed: division by zero in on_bar')
    const alert = note.closest<HTMLElement>('[role="alert"]')
    expect(alert).toHaveTextContent('2 open orders were cancelled; wallet set 3 was kept.')
    expect(alert).toHaveTextContent('free them in Wallets')
    await user.click(screen.getByText('Where in the code'))
    expect(screen.getByText('Traceback: line 12')).toBeVisible()
    await user.click(await screen.findByText('The messages that led there'))
    const last = recorded.messages.messages.at(-1)
    expect(screen.getByRole('region', { name: 'Messages before the failure' })).toHaveTextContent(
      `${last?.sequence}`,
    )
  })

  it('is told as it was while Cryptick is away, and says why nothing can be done', async () => {
    const { hub, user } = await openDemo()
    await screen.findByText('Cryptick', { selector: 'header *' })
    expect(await screen.findByRole('button', { name: 'Stop' })).toBeEnabled()
    act(() => hub.hear('disconnect', 'transport close'))
    expect(
      await screen.findByText(/Cryptick can’t be reached\./, { selector: 'strong' }),
    ).toBeVisible()
    expect(screen.getByText(/its open orders stand and may fill/)).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Stop' })).toBeDisabled()
    expect(screen.getByRole('button', { name: 'Trade now' })).toBeDisabled()
    await user.click(screen.getByRole('tab', { name: 'Log' }))
    act(() => hub.hear('connect', undefined))
    await waitFor(() => expect(screen.queryByText(/Cryptick can’t be reached/)).toBeNull())
  })

  it('says what keeps it from going on', async () => {
    await openDemo({ detail: 'xWrap is away since 12:04:31 UTC; the run goes on when it is back' })
    expect(await screen.findByText(/xWrap is away since 12:04:31/)).toBeInTheDocument()
  })
})

describe('what a person does with a run', () => {
  const set: Partial<WalletSet> = {
    ...(recorded.wallets as unknown as Record<string, WalletSet>)['3'],
    id: 3,
    active: true,
  }

  it('is to stop it, after reading what happens to its orders and funds', async () => {
    service.use(
      put('/runs/componentdemo_0/stop', { run_id: 'componentdemo_0', state: 'stopping' }),
      get('/wallets/sets', { ...recorded.wallets, '3': set } as never),
    )
    const { user, push } = await openDemo()
    await push('order', {
      ...resting,
      id: 99,
      run_id: 'componentdemo_0',
      last_updated_at: '2100-01-01T00:00:00.000000Z',
    })
    await user.click(await screen.findByRole('button', { name: 'Stop' }))
    const dialog = await screen.findByRole('dialog', { name: 'Stop componentdemo_0?' })
    await within(dialog).findByText(/These funds are freed: .* USD on gdax/)
    expect(dialog).toHaveTextContent(
      /cancelled; they may still fill until that arrives: ?buy 0\.5 BTC on gdax/,
    )
    expect(dialog).toHaveTextContent('Nothing is sold')
    await user.click(within(dialog).getByRole('button', { name: 'Stop' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(sent('/componentdemo_0/stop')).toEqual([{}])
  })

  it('is to pause it and to let it go on', async () => {
    service.use(
      put('/runs/componentdemo_0/pause', { state: 'paused' }),
      put('/runs/componentdemo_0/resume', { state: 'running' }),
    )
    const { user, tell } = await openDemo()
    await user.click(await screen.findByRole('button', { name: 'Pause' }))
    expect(await screen.findByText(/hears no prices and no timers/)).toBeInTheDocument()
    service.use(getRuns('/runs/componentdemo_0', { ...PAPER, state: 'paused' }))
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: 'Pause' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    await tell('run', { run_id: 'componentdemo_0', seq: 9, state: 'paused' })
    await user.click(await screen.findByRole('button', { name: 'Resume' }))
    await user.click(
      within(await screen.findByRole('dialog')).getByRole('button', { name: 'Resume' }),
    )
    await waitFor(() => expect(sent('/componentdemo_0/resume')).toEqual([{}]))
    expect(sent('/componentdemo_0/pause')).toEqual([{}])
  })

  it('is told when it was refused', async () => {
    service.use(
      put(
        '/runs/smacross_0/pause',
        { error: 'it has just ended', data: { error: 'conflict' } },
        409,
      ),
      getRuns('/runs/smacross_0', {
        ...cross,
        state: 'running',
        running: true,
        ended_at: undefined,
      }),
    )
    const { user } = await openPage('/runs/smacross_0')
    await user.click(await screen.findByRole('button', { name: 'Pause' }))
    expect(await screen.findByText('It has just ended.')).toBeInTheDocument()
  })

  it('is to delete one that has ended, if an administrator', async () => {
    const deleted: string[] = []
    service.use(
      http.delete('*/api/cryptick/runs/:id', ({ params }) => {
        deleted.push(String(params.id))
        return HttpResponse.json({ state: 'deleted' })
      }),
    )
    const { user } = await openPage('/runs/smacross_0')
    await user.click(await screen.findByRole('button', { name: 'Delete' }))
    const dialog = await screen.findByRole('dialog', { name: 'Delete smacross_0?' })
    expect(dialog).toHaveTextContent('no money is affected')
    await user.click(within(dialog).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(deleted).toEqual(['smacross_0']))
  })

  it('is nothing for who may only look', async () => {
    service.use(post('/auth/refresh', { ...recorded.login, role: 'viewer' }))
    await openDemo()
    expect(await screen.findByRole('button', { name: 'Stop' })).toBeDisabled()
    expect(screen.getByRole('button', { name: 'Pause' })).toBeDisabled()
    expect(await screen.findByRole('button', { name: 'Trade now' })).toBeDisabled()
    expect(screen.queryByRole('button', { name: 'Delete' })).toBeNull()
  })
})

describe('components', () => {
  it('are drawn each by its kind, in their order', async () => {
    plots.length = 0
    await openDemo()
    expect(await screen.findByRole('log', { name: 'What happens' })).toHaveTextContent(
      'follows BTC_USD',
    )
    await screen.findByRole('img', { name: /^Candles of BTC_USD: close/ })
    await screen.findByRole('img', { name: /^Close: close .* average .* USD/ })
    await screen.findByRole('img', { name: /^Bars by pair: BTC_USD 100\.0 %/ })
    await screen.findByRole('img', { name: /^Bars by change: down over 1 % 0, down 449, up 415/ })
    await screen.findByRole('img', { name: /^Volume and change: 300 points/ })
    expect(plots.map(({ type }) => type).sort()).toEqual(['bar', 'pie', 'scatter'])
    const headings = screen.getAllByRole('heading', { level: 2 }).map((each) => each.textContent)
    expect(headings.slice(1)).toEqual([
      'What happens',
      'BTC_USD',
      'Close',
      'Volume and change',
      'Bars by change',
      'Bars by pair',
      'Fills',
      'Orders and fills',
      'Two made-up assets',
      'Controls',
    ])
    const candles = drawn.find((data) => (data[0] as { high?: number } | undefined)?.high === 75300)
    expect(candles).toHaveLength(
      recorded.rowsDemo.candles.rows.filter((row) => row[4] !== null).length,
    )
  })

  it('say that nothing has come yet', async () => {
    await openDemo({}, withChanged('fills', { rows: 0 }))
    expect(await screen.findByText('Nothing yet: it appears here as it comes.')).toBeInTheDocument()
  })

  it('show amounts as they are, newest first', async () => {
    await openDemo()
    const table = await screen.findByRole('table', { name: 'Fills' })
    const [, first] = within(table).getAllByRole('row')
    const last = recorded.rowsDemo.fills.rows.at(-1)
    expect(plain(first?.textContent ?? '')).toBe(
      '2026-11-21 05:40:00BTC_USDsell0.0013281274 017.27',
    )
    expect(last?.slice(3)).toEqual(['0.00132812', '74017.27'])
  })

  it('have their numbers as a table, too', async () => {
    const { user } = await openDemo()
    await user.click(await screen.findByRole('button', { name: 'Bars by change as a table' }))
    const table = screen.getByRole('table', { name: 'Bars by change' })
    expect(within(table).getByRole('row', { name: /^down 449/ })).toBeInTheDocument()
  })

  it('draw what is added without drawing all again', async () => {
    const { tell } = await openDemo()
    await screen.findByRole('img', { name: /^Close:/ })
    const rows = recorded.rowsDemo.closes.rows
    drawn.length = 0
    service.use(
      http.get('*/api/cryptick/runs/componentdemo_0/components/closes/rows', () =>
        HttpResponse.json({
          offset: 300,
          rows: [['2100-01-01T00:00:00.000000Z', 1, 2]],
          total: 301,
          changed: false,
        }),
      ),
    )
    await tell('component', {
      run_id: 'componentdemo_0',
      seq: 21,
      component: { id: 'closes', change: 'appended', generation: 1, rows: 301 },
    })
    await waitFor(() => expect(drawn).toContainEqual([expect.objectContaining({ value: 2 })]))
    expect(drawn.every((data) => data.length < rows.length)).toBe(true)
  })

  it('filter lines of a log by level and text', async () => {
    const lines = [
      ['2026-11-18T06:35:00.000000Z', 'info', 'follows'],
      ['2026-11-18T06:36:00.000000Z', 'warning', 'no more orders'],
      ['2026-11-18T06:37:00.000000Z', 'error', 'gave up'],
    ]
    const rows = { ...demoRows, log: { ...recorded.rowsDemo.log, rows: lines } }
    const { user } = await openDemo({}, withChanged('log', { rows: 3 }), rows as never)
    const log = await screen.findByRole('log', { name: 'What happens' })
    expect(log).toHaveTextContent(/follows.*no more orders.*gave up/)
    await user.click(screen.getByRole('combobox', { name: 'Level' }))
    await user.click(await screen.findByRole('option', { name: 'warnings' }))
    expect(screen.getByRole('log', { name: 'What happens' })).not.toHaveTextContent('follows')
    await user.type(screen.getByRole('textbox', { name: 'Text' }), 'GAVE')
    expect(screen.getByText('1 of 3 lines')).toBeInTheDocument()
    await user.type(screen.getByRole('textbox', { name: 'Text' }), 'x')
    expect(screen.getByText('No line fits.')).toBeInTheDocument()
  })

  it('tell the story of an order with its fills and messages', async () => {
    const { user } = await openDemo()
    const table = await screen.findByRole('table', { name: 'Orders and fills' })
    const [, first] = within(table).getAllByRole('row')
    await user.click(first as HTMLElement)
    expect(
      await screen.findByRole('heading', { name: 'Sell 0.00132812 BTC on gdax' }),
    ).toBeVisible()
    expect(screen.getByRole('table', { name: 'Trades of this order' })).toHaveTextContent('taker')
    expect(screen.getByText('What the hub heard of it')).toBeVisible()
    await user.click(screen.getByRole('button', { name: 'Close' }))
    await waitFor(() => expect(screen.queryByText('What the hub heard of it')).toBeNull())
  })

  it('whose run has ended hold what they held', async () => {
    await openDemo({ state: 'stopped', running: false })
    expect(await screen.findByText('The run has ended. It holds 1 %.')).toBeInTheDocument()
    expect(screen.getByRole('slider')).toBeDisabled()
  })
})

describe('what a strategy asks', () => {
  const answers = (id: string, value: unknown) =>
    put(`/runs/componentdemo_0/components/${id}`, { value } as never)

  it('is sent once the slider rests, and shown as it is held', async () => {
    const values: string[] = []
    service.use(
      http.put('*/api/cryptick/runs/componentdemo_0/components/percent', async ({ request }) => {
        const { value } = (await request.json()) as { value: string }
        values.push(value)
        return HttpResponse.json({ value })
      }),
    )
    const { user } = await openDemo()
    const slider = await screen.findByRole('slider', { name: 'Share of the balance to spend' })
    act(() => slider.focus())
    await user.keyboard('{ArrowRight}{ArrowRight}{ArrowRight}')
    expect(await screen.findByText('It holds 2.5 %.')).toBeInTheDocument()
    expect(values.at(-1)).toBe('2.5')
    expect(slider).toHaveAttribute('aria-valuetext', '2.5 %')
  })

  it('can be typed exactly, and nothing that is no number is sent', async () => {
    service.use(answers('orders-max', '12'))
    const { user } = await openDemo()
    const field = await screen.findByRole('textbox', { name: 'Open orders at most' })
    await user.clear(field)
    await user.type(field, 'ten')
    expect(screen.getByText('This is not a number.')).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Set' })).toBeDisabled()
    await user.clear(field)
    await user.type(field, '12{Enter}')
    expect(await screen.findByText('It holds 12.')).toBeInTheDocument()
    expect(sent('/components/orders-max')).toEqual([{ value: '12' }])
  })

  it('tells in the service’s words what it does not take, and what it holds', async () => {
    service.use(
      put(
        '/runs/componentdemo_0/components/orders-max',
        { error: "component orders-max takes at least 1, not '0'", data: { error: 'api_usage' } },
        400,
      ),
    )
    const { user } = await openDemo()
    const field = await screen.findByRole('textbox', { name: 'Open orders at most' })
    await user.clear(field)
    await user.type(field, '0')
    await user.click(screen.getByRole('button', { name: 'Set' }))
    const status = await screen.findByText(/takes at least 1, not '0'/)
    expect(status).toHaveTextContent('It holds 3.')
    expect(field).toHaveValue('3')
  })

  it('is chosen from what there is', async () => {
    service.use(answers('smoothing', 'long'))
    const { user } = await openDemo()
    await user.click(await screen.findByRole('combobox', { name: 'Average' }))
    await user.click(await screen.findByRole('option', { name: 'long' }))
    expect(await screen.findByText('It stands at long.')).toBeInTheDocument()
  })

  it('is confirmed once before it is done, and done once', async () => {
    service.use(answers('trade-now', 'x'))
    const { user } = await openDemo()
    await user.dblClick(await screen.findByRole('button', { name: 'Trade now' }))
    const dialog = await screen.findByRole('dialog', { name: 'Trade now' })
    expect(dialog).toHaveTextContent('Place an order in each pair?')
    await user.dblClick(within(dialog).getByRole('button', { name: 'Trade now' }))
    expect(await screen.findByText('Done: the strategy has heard it.')).toBeInTheDocument()
    expect(sent('/components/trade-now')).toHaveLength(1)
  })

  it('gives each press a name of its own, or the one that is asked for', async () => {
    service.use(answers('trade-now', 'x'))
    const { user } = await openDemo(
      {},
      withChanged('trade-now', { options: { confirm: '', press: '' } }),
    )
    await user.dblClick(await screen.findByRole('button', { name: 'Trade now' }))
    await screen.findByText('Done: the strategy has heard it.')
    expect(sent('/components/trade-now')).toHaveLength(1)
    await waitFor(() => expect(screen.getByRole('button', { name: 'Trade now' })).toBeEnabled())
    await user.pointer({ target: screen.getByText('It stands at short.'), keys: '[MouseLeft]' })
    await user.click(screen.getByRole('button', { name: 'Trade now' }))
    await waitFor(() => expect(sent('/components/trade-now')).toHaveLength(2))
    const names = (sent('/components/trade-now') as { value: string }[]).map(({ value }) => value)
    expect(new Set(names).size).toBe(2)
  })

  it('names a press as the strategy wants it', async () => {
    service.use(answers('trade-now', 'preview 7'))
    const options = { confirm: 'Sell?', press: 'preview 7' }
    const { user } = await openDemo({}, withChanged('trade-now', { options }))
    await user.click(await screen.findByRole('button', { name: 'Trade now' }))
    await user.click(
      within(await screen.findByRole('dialog')).getByRole('button', { name: 'Trade now' }),
    )
    await waitFor(() => expect(sent('/components/trade-now')).toEqual([{ value: 'preview 7' }]))
  })
})

describe('what a run has on record', () => {
  it('are its orders at xWrap, as they are pushed, open ones first, with a way to cancel', async () => {
    const { user, push } = await openDemo()
    await push('order', {
      ...filled,
      id: 101,
      run_id: 'componentdemo_0',
      client_order_id: 'a-filled-one',
      last_updated_at: '2100-01-01T00:00:00.000000Z',
    })
    await push('order', {
      ...resting,
      id: 100,
      run_id: 'componentdemo_0',
      client_order_id: 'an-open-one',
      last_updated_at: '2100-01-01T00:00:00.000000Z',
    })
    await push('trade', { ...trade, id: 500, order_id: 101, run_id: 'componentdemo_0' })
    const table = await screen.findByRole('table', { name: 'Orders of this run' })
    const [, first, second] = within(table).getAllByRole('row')
    expect(first).toHaveTextContent('open')
    expect(second).toHaveTextContent('filled')
    expect(within(table).getAllByRole('row')).toHaveLength(3)
    await user.click(second as HTMLElement)
    expect(
      within(await screen.findByRole('table', { name: 'Trades of this order' })).getAllByRole(
        'row',
      ),
    ).toHaveLength(2)
    await user.click(screen.getByRole('button', { name: 'Close' }))
    await user.click(first as HTMLElement)
    expect(await screen.findByRole('button', { name: 'Cancel this order' })).toBeEnabled()
  })

  it('are the orders of a backtest as it has written them', async () => {
    const { user } = await openPage('/runs/smacross_0?tab=orders')
    const table = await screen.findByRole('table', { name: 'Orders of this run' })
    expect(within(table).getAllByRole('row')).toHaveLength(13)
    const [, newest] = within(table).getAllByRole('row')
    const last = recorded.runOrders.rows.at(-1)
    expect(newest).toHaveTextContent(String(last?.[11]))
    await user.click(newest as HTMLElement)
    expect(await screen.findByRole('table', { name: 'Trades of this order' })).toHaveTextContent(
      String(recorded.runTrades.rows.at(-1)?.[6]),
    )
    expect(screen.queryByRole('button', { name: 'Cancel this order' })).toBeNull()
  })

  it('are no orders where it has made none', async () => {
    service.use(getRuns('/runs/:runId/orders', { columns: [], offset: 0, total: 0, rows: [] }))
    await openPage('/runs/smacross_0?tab=orders')
    expect(await screen.findByText('It has made no order.')).toBeInTheDocument()
  })

  it('is its equity and how far that was below its highest', async () => {
    await openPage('/runs/smacross_0')
    expect(
      await screen.findByRole('img', { name: /^Equity in USD: smacross_0 from 10.000\.00 to/ }),
    ).toBeInTheDocument()
    expect(await screen.findByRole('img', { name: /^Drawdown in %/ })).toBeInTheDocument()
    expect(screen.getByText(/deepest −\d\.\d\d %/)).toBeInTheDocument()
  })

  it('is no equity until there is one', async () => {
    service.use(getRuns('/runs/:runId/equity', { columns: [], offset: 0, total: 0, rows: [] }))
    await openPage('/runs/smacross_0?tab=equity')
    expect(await screen.findByText('It has left no curve of its equity.')).toBeInTheDocument()
  })

  it('is its log, which goes on as it is written', async () => {
    const { tell, hub } = await openPage('/runs/smacross_0?tab=log')
    const log = await screen.findByRole('log', { name: 'Log of this run' })
    expect(log).toHaveTextContent('bought 0.13152405 BTC at 75578.25')
    await waitFor(() =>
      expect(hub.asked).toContainEqual({
        event: 'subscribe',
        argument: { run_id: 'smacross_0', channel: 'log' },
      }),
    )
    const { size } = recorded.log
    await tell('log', {
      run_id: 'smacross_0',
      lines: ['2026-11-21T07:00:00.000000Z the newest line'],
      offset: size,
      next: size + 45,
      size: size + 45,
    })
    expect(log).toHaveTextContent('the newest line')
    service.use(
      getRuns('/runs/:runId/log', {
        lines: ['2026-11-21T07:01:00.000000Z one that was missed'],
        offset: size + 45,
        next: size + 100,
        size: size + 100,
      }),
    )
    await tell('log', {
      run_id: 'smacross_0',
      lines: ['late'],
      offset: size + 100,
      next: size + 105,
      size: size + 105,
    })
    await waitFor(() => expect(log).toHaveTextContent('one that was missed'))
  })

  it('are its messages, filtered, followed and told whole with their cause', async () => {
    // As many as are drawn where nothing is scrolled.
    const few = (recorded.messages.messages as unknown as HubMessage[]).slice(0, 20)
    const [newest] = few.slice(-1) as [HubMessage]
    service.use(messagesOf(few))
    const { user, tell } = await openPage('/runs/smacross_0?tab=messages')
    const list = await screen.findByRole('log', { name: 'Messages' })
    await waitFor(() => expect(list).toHaveTextContent('exchange.order_update'))
    await tell('message', {
      run_id: 'smacross_0',
      messages: [{ ...newest, sequence: 21, message: { mhubrpc: '0.0.1', method: 'run.pause' } }],
      last: 21,
    })
    await waitFor(() => expect(list).toHaveTextContent('run.pause'))
    await user.click(
      within(list).getAllByRole('button', { name: /response\.1 / })[0] as HTMLElement,
    )
    expect(await screen.findByRole('heading', { name: 'response.1' })).toBeVisible()
    await user.click(await screen.findByRole('button', { name: 'exchange.order, message 2' }))
    expect(await screen.findByRole('heading', { name: 'exchange.order' })).toBeVisible()
    expect(screen.getByText(/sent upon exchange\.bar of BTC_USD on gdax/)).toBeVisible()
    await user.click(screen.getByRole('button', { name: 'Close' }))
    await user.type(await screen.findByRole('textbox', { name: 'Method' }), 'exchange.fill')
    await waitFor(() =>
      expect(screen.getByRole('log', { name: 'Messages' })).not.toHaveTextContent('order_update'),
    )
    await user.clear(screen.getByRole('textbox', { name: 'Method' }))
    await user.type(screen.getByRole('textbox', { name: 'Text' }), 'nowhere')
    expect(await screen.findByText('No message fits.')).toBeInTheDocument()
  })

  it('are older messages when they are asked for', async () => {
    const [one] = recorded.messages.messages as unknown as [HubMessage]
    const many = Array.from({ length: 210 }, (_, index) => ({ ...one, sequence: index + 1 }))
    service.use(messagesOf(many))
    const { user } = await openPage('/runs/smacross_0?tab=messages')
    const list = await screen.findByRole('log', { name: 'Messages' })
    await user.click(await screen.findByRole('button', { name: 'Load older' }))
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Load older' })).toBeNull())
    expect(within(list).getByRole('button', { name: /^1 ?2026/ })).toBeInTheDocument()
  })

  it('are the messages that a page has missed', async () => {
    const [one] = recorded.messages.messages as unknown as [HubMessage]
    const some = Array.from({ length: 12 }, (_, index) => ({ ...one, sequence: index + 1 }))
    service.use(messagesOf(some.slice(0, 5)))
    const { tell } = await openPage('/runs/smacross_0?tab=messages')
    const list = await screen.findByRole('log', { name: 'Messages' })
    service.use(messagesOf(some))
    await tell('message', { run_id: 'smacross_0', messages: some.slice(-1), last: 12 })
    await waitFor(() => expect(within(list).getAllByRole('button')).toHaveLength(12))
  })

  it('is what it was started with and what it holds', async () => {
    await openPage('/runs/smacross_0?tab=parameters')
    const balances = await screen.findByRole('table', { name: 'Balances' })
    await waitFor(() => expect(plain(balances.textContent)).toContain('9 476.385284059'))
    expect(await screen.findByText('20 bars')).toBeInTheDocument()
    expect(screen.getByText('next_open, latency 5 ms, no slippage')).toBeInTheDocument()
    expect(posted.filter(({ path }) => path.includes('cryptick'))).toEqual([])
  })
})
