import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { ThemeProvider } from '@mui/material'
import { http, HttpResponse } from 'msw'
import { Provider } from 'react-redux'
import { describe, expect, it } from 'vitest'
import { sum, amount } from '@/shared/amount'
import { cryptickApi } from '@/shared/api/cryptick'
import type { Cell, ComponentFormat, Run } from '@/shared/api/runs'
import { signedIn } from '@/shared/api/session'
import type { Role } from '@/shared/api/wire'
import { makeStore } from '@/shared/store'
import { makeTheme } from '@/shared/theme'
import { components, posted, put, recorded, service } from '@/testing/service'
import { FrontierPlot } from './FrontierPlot'
import { Tracker } from './Tracker'

const RUN = 'efficientfrontier_0'
const run = { ...recorded.runFrontier, equity: '10000' } as unknown as Run
type RowsById = Record<string, { rows: Cell[][] } & Record<string, unknown>>

/** The recorded components, with some told otherwise. */
function serve(
  change: Record<string, Partial<ComponentFormat>> = {},
  rows: Record<string, Cell[][]> = {},
): void {
  const found = structuredClone(recorded.rowsFrontier) as unknown as RowsById
  for (const [id, given] of Object.entries(rows))
    found[id] = { generation: 1, changed: false, offset: 0, total: given.length, rows: given }
  const formats = (recorded.componentsFrontier as unknown as ComponentFormat[]).map((format) => ({
    ...format,
    rows: found[format.id]?.rows.length ?? 0,
    ...change[format.id],
  }))
  service.use(...components(RUN, formats, found))
}

/** What the strategy shows before anything was chosen. */
function serveFresh(change: Record<string, Partial<ComponentFormat>> = {}): void {
  const { rows } = recorded.rowsFrontier.frontier as { rows: Cell[][] }
  serve(
    { confirm: { options: { confirm: '', press: '' } }, ...change },
    {
      frontier: rows.filter(([set]) => set !== 'target'),
      preview: [],
      status: [['state', 'idle'], ['target', '-']], // prettier-ignore
    },
  )
}

function show(of: Partial<Run> = {}, role: Role = 'trader') {
  posted.length = 0
  const store = makeStore()
  store.dispatch(signedIn({ ...recorded.login, role, must_change_password: false }))
  render(
    <Provider store={store}>
      <ThemeProvider theme={makeTheme('dark')}>
        <Tracker run={{ ...run, ...of }} />
      </ThemeProvider>
    </Provider>,
  )
  /** Have all of it read again, as when something was pushed. */
  const refresh = () =>
    act(() => {
      store.dispatch(cryptickApi.util.invalidateTags([{ type: 'Components', id: RUN }]))
    })
  return { user: userEvent.setup(), refresh }
}

const target = () => screen.findByRole('slider', { name: 'Target on the frontier' })
const share = (currency: string) =>
  screen.getByRole<HTMLInputElement>('textbox', { name: `${currency} in %` })
const shares = () => ['BTC', 'ETH', 'LTC', 'USD'].map((name) => Number(share(name).value))
const button = (name: string | RegExp) => screen.getByRole('button', { name })
const slide = (currency: string, value: number) =>
  fireEvent.change(screen.getByRole('slider', { name: `Share of ${currency}` }), {
    target: { value: String(value) },
  })
const bodies = (id: string) =>
  posted.filter(({ path }) => path.endsWith(`/components/${id}`)).map(({ body }) => body)
const accept = () => service.use(put(`/runs/${RUN}/components/:id`, { value: null }))

describe('the frontier tracker', () => {
  it('moves all shares as the target walks along the frontier', async () => {
    serveFresh()
    const { user } = show()
    const handle = await target()
    act(() => handle.focus())
    await user.keyboard('{End}')
    expect(handle).toHaveAttribute('aria-valuenow', '49')
    expect(shares()).toEqual([0, 0, 100, 0])
    await user.keyboard('{ArrowLeft}')
    expect(handle).toHaveAttribute('aria-valuenow', '48')
    expect(shares()).toEqual([2, 0, 98, 0])
    expect(handle).toHaveAttribute(
      'aria-valuetext',
      'risk 65.6 %, return 176.6 %, Sharpe ratio 2.60: LTC 98.0 %, BTC 2.0 %',
    )
    expect(screen.getByText('On the frontier.')).toBeInTheDocument()
    await user.keyboard('{Home}{PageUp}')
    expect(handle).toHaveAttribute('aria-valuenow', '5')
  })

  it('lifts the target off the frontier as a slider moves, and says how far', async () => {
    serveFresh()
    const { user } = show()
    await target()
    await user.click(button('Max Sharpe'))
    slide('ETH', 40)
    expect(shares()).toEqual([0, 40, 60, 0])
    expect(screen.getByText(/^Off the frontier, which has \d+\.\d points less risk/)).toBeVisible()
    slide('ETH', 0) // what it took it gives back
    expect(shares()).toEqual([0, 0, 100, 0])
    await user.click(button('Undo'))
    expect(shares()).toEqual([0, 0, 0, 100])
    expect(screen.getByText(/it holds USD, the frontier none/)).toBeVisible()
  })

  it('keeps what is locked and takes what is typed', async () => {
    serveFresh()
    const { user } = show()
    await target()
    await user.click(button('Equal'))
    expect(shares()).toEqual([25, 25, 25, 25])
    await user.click(button('Lock BTC'))
    expect(share('BTC')).toBeDisabled()
    await user.clear(share('ETH'))
    await user.type(share('ETH'), '50')
    await user.tab()
    expect(shares()).toEqual([25, 50, 12.5, 12.5])
    await user.clear(share('ETH'))
    await user.type(share('ETH'), '500')
    await user.tab()
    expect(shares()).toEqual([25, 75, 0, 0])
    await user.click(button('Present'))
    expect(shares()).toEqual([0, 0, 0, 100])
  })

  it('sends shares that sum to exactly one, and the point that they are', async () => {
    serveFresh()
    accept()
    const { user } = show()
    const handle = await target()
    act(() => handle.focus())
    await user.keyboard('{Home}{ArrowRight}')
    await user.click(button(/^Preview 2 orders, ≈ 60\.00 USD/))
    await waitFor(() => expect(bodies('frontier')).toHaveLength(1))
    const { value } = bodies('frontier')[0] as {
      value: { weights: Record<string, string>; point: number }
    }
    expect(value.point).toBe(1)
    expect(sum(Object.values(value.weights).map(amount))).toBe('1')
    expect(value.weights.BTC).toBe('0.936191421')
  })

  it('hands a rule to the strategy as a rule, so that it is kept to', async () => {
    serveFresh()
    accept()
    const { user } = show()
    await target()
    await user.click(button('Max Sharpe'))
    await user.click(button(/^Preview 1 order/))
    await waitFor(() => expect(bodies('maximum-sharpe')).toHaveLength(1))
    expect(bodies('frontier')).toEqual([])
  })

  it('tells what the service refuses in its own words', async () => {
    serveFresh()
    service.use(put(`/runs/${RUN}/components/frontier`, { error: 'BTC is at most 40 %' }, 400))
    const { user } = show()
    await target()
    await user.click(button('Equal'))
    await user.click(button(/^Preview 3 orders/))
    expect(await screen.findByText('BTC is at most 40 %.')).toBeVisible()
    expect(screen.getByText(/No order was made/)).toBeVisible()
  })

  it('asks once, with every order in words, and names the preview that is confirmed', async () => {
    serve()
    accept()
    const { user } = show()
    await target()
    expect(screen.getByRole('list', { name: 'Preview' })).toBeVisible()
    await user.click(
      await screen.findByRole('button', { name: /^Trade 3 orders, fees ≈ 59\.64 USD/ }),
    )
    const dialog = within(screen.getByRole('dialog'))
    const [first] = within(dialog.getByRole('list')).getAllByRole('listitem')
    expect(first).toHaveTextContent(/Buy 0\.03490016 BTC on gdax at about 74.048\.67 USD/)
    expect(first).toHaveTextContent(/2.584\.31 USD, fee ≈ 15\.51 USD: BTC from 0\.0 % to 26\.0 %/)
    expect(dialog.getByText('This is virtual money.')).toBeVisible()
    await user.dblClick(dialog.getByRole('button', { name: 'Trade 3 orders' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(bodies('confirm')).toEqual([{ value: 'preview-4' }])
  })

  it('does not trade a preview that has changed under the open question', async () => {
    serve()
    const { user, refresh } = show({ mode: 'live' })
    await target()
    await user.click(await screen.findByRole('button', { name: /^Trade 3 orders/ }))
    expect(screen.getByText('This is real money.')).toBeVisible()
    serve({ confirm: { options: { confirm: 'Send?', press: 'preview-5' } } })
    refresh()
    expect(await screen.findByText(/Nothing was sent: go back/)).toBeVisible()
    expect(
      within(screen.getByRole('dialog')).getByRole('button', { name: /^Trade/ }),
    ).toBeDisabled()
  })

  it('shows why the strategy took a confirmation back', async () => {
    serve()
    accept()
    const { user, refresh } = show()
    await target()
    await user.click(await screen.findByRole('button', { name: /^Trade 3 orders/ }))
    await user.click(within(screen.getByRole('dialog')).getByRole('button', { name: /^Trade/ }))
    const { rows } = recorded.rowsFrontier.log as { rows: Cell[][] }
    const sentence = 'preview-4 is outdated, the market has moved: look at the new one'
    serve(
      { status: { generation: 11 } },
      { log: [...rows, ['2026-11-21T07:00:00.000000Z', 'warning', sentence]] },
    )
    refresh()
    expect(await within(await screen.findByRole('alert')).findByText(sentence)).toBeVisible()
    await user.click(button('Preview again'))
    await waitFor(() => expect(bodies('preview-again')).toHaveLength(1))
  })

  it('shows how far trading has come, and pauses and stops it', async () => {
    const half = recorded.rowsFrontier.frontier.rows as Cell[][]
    const still = half.filter(([set]) => set !== 'target' && set !== 'current')
    const [begin, aim, middle] = ['2026-11-21T07:00:00Z', '2026-11-21T07:00:01Z', '2026-11-21T07:00:02Z'] // prettier-ignore
    serve(
      { confirm: { options: { confirm: '', press: '' } } },
      {
        frontier: [
          ...still,
          ['current', begin, 0, 0, null, 0, 0, 0, 1],
          ['target', aim, 0.5, 1, 2, 0.5, 0, 0.5, 0],
          ['current', middle, 0.3, 0.6, 2, 0.3, 0, 0.3, 0.4],
        ],
        preview: [],
        status: [['state', 'trading'], ['target', 'own mix'], ['progress', 'slice 3 of 5']], // prettier-ignore
      },
    )
    accept()
    const { user } = show()
    expect(await screen.findByText(/Trading: 3 of 5 slices, 60 % of the way/)).toBeVisible()
    expect(screen.getByRole('progressbar', { name: 'Way to the target' })).toHaveAttribute(
      'aria-valuenow',
      '60',
    )
    await user.click(button('Pause trading'))
    await waitFor(() => expect(bodies('pause')).toHaveLength(1))
    await user.click(button('Stop trading'))
    const dialog = within(screen.getByRole('dialog'))
    expect(dialog.getByText(/keep what is held now\?/)).toBeVisible()
    await user.click(dialog.getByRole('button', { name: 'Stop trading' }))
    await waitFor(() => expect(bodies('stop')).toHaveLength(1))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
  })

  it('offers to go on where trading is paused', async () => {
    serve(
      { confirm: { options: { confirm: '', press: '' } } },
      { preview: [], status: [['state', 'paused'], ['progress', 'slice 2 of 5']] }, // prettier-ignore
    )
    accept()
    const { user } = show()
    expect(await screen.findByText(/Paused: 2 of 5 slices/)).toBeVisible()
    await user.click(button('Go on trading'))
    await waitFor(() => expect(bodies('resume')).toHaveLength(1))
  })

  it('says what a preview waits for', async () => {
    serve({}, { status: [['state', 'idle'], ['waits for', 'prices of BTC_USD on gdax']] }) // prettier-ignore
    show()
    expect(
      await screen.findByText('The preview waits for prices of BTC_USD on gdax.'),
    ).toBeVisible()
  })

  it('says why there is no frontier yet, and lets weights be chosen all the same', async () => {
    serve(
      {
        confirm: { options: { confirm: '', press: '' } },
        frontier: { options: { currencies: ['BTC', 'ETH', 'LTC', 'USD'], expected_returns: [], covariance: [], risk_free: 0, points: 0 } }, // prettier-ignore
      },
      {
        frontier: [],
        points: [],
        preview: [],
        log: [['2026-11-21T07:00:00Z', 'warning', 'no frontier: 2 hours of history are too few; it is tried again every hour']], // prettier-ignore
      },
    )
    const { user } = show()
    expect(await screen.findByText(/^There is no frontier yet: 2 hours of history/)).toBeVisible()
    expect(button('Max Sharpe')).toBeDisabled()
    await user.click(button('Equal'))
    expect(button(/^Preview 3 orders/)).toBeEnabled()
  })

  it('turns all inputs off for runs that have ended and people who may only look on', async () => {
    serve()
    show({ running: false, state: 'stopped' })
    expect(await screen.findByText(/This run has ended/)).toBeVisible()
    expect(await target()).toHaveAttribute('aria-disabled', 'true')
    expect(button('Equal')).toBeDisabled()
    expect(screen.getByRole('slider', { name: 'Share of BTC' })).toBeDisabled()
    expect(screen.queryByRole('button', { name: /^Trade/ })).toBeNull()
  })

  it('lets viewers look on', async () => {
    serve()
    show({}, 'viewer')
    expect(await screen.findByText(/You may look on/)).toBeVisible()
    expect(await screen.findByRole('button', { name: /^Trade 3 orders/ })).toBeDisabled()
  })

  it('says what is amiss when the run shows nothing or can’t be asked', async () => {
    service.use(...components(RUN, [], {}))
    show()
    expect(await screen.findByText(/its portfolio appears here in a moment/)).toBeVisible()
  })

  it('offers to try again', async () => {
    service.use(
      http.get(`*/api/cryptick/runs/${RUN}/components`, () =>
        HttpResponse.json({ error: 'the run is being read' }, { status: 503 }),
      ),
    )
    const { user } = show()
    expect(await screen.findByText('The run is being read.')).toBeVisible()
    serve()
    await user.click(button('Try again'))
    expect(await target()).toBeInTheDocument()
  })

  it('lists the orders of the run as they fill, each once', async () => {
    const of = (event: string, more: Record<string, Cell>): Cell[] => {
      const format = recorded.componentsFrontier.find(({ id }) => id === 'orders')
      const known: Record<string, Cell> = { time: '2026-11-21T07:00:00Z', event, client_oid: 'a', exchange: 'gdax', pair: 'BTC_USD', side: 'buy', ...more } // prettier-ignore
      return (format?.columns ?? []).map(({ name }) => known[name] ?? '')
    }
    serve(
      {},
      {
        orders: [
          of('order', { size: '0.5', status: 'received', filled_size: '0' }),
          of('fill', { size: '0.25', fee: '1.25' }),
          of('fill', { size: '0.25', fee: '1.5' }),
          of('order', { size: '0.5', status: 'done', done_reason: 'filled', filled_size: '0.5', avg_price: '60000.5' }), // prettier-ignore
          of('order', { client_oid: 'b', size: '2', status: 'done', done_reason: 'rejected', filled_size: '0', message: 'too small' }), // prettier-ignore
        ],
      },
    )
    show()
    const table = within(await screen.findByRole('table', { name: 'Orders of this run' }))
    const filled = table.getByRole('row', { name: /filled/ })
    expect(filled).toHaveTextContent(/60.000\.50/)
    expect(filled).toHaveTextContent('2.75')
    expect(table.getByRole('row', { name: /rejected/ })).toBeVisible()
    expect(table.getAllByRole('row')).toHaveLength(3)
  })
})

describe('a frontier of any strategy', () => {
  it('is looked at, and a mix on it is chosen', async () => {
    posted.length = 0
    accept()
    const store = makeStore()
    store.dispatch(
      signedIn({ ...recorded.login, must_change_password: false } as Parameters<
        typeof signedIn
      >[0]),
    )
    const format = (recorded.componentsFrontier as unknown as ComponentFormat[]).find(
      ({ id }) => id === 'frontier',
    )
    if (format === undefined) throw new Error('no frontier was recorded')
    const user = userEvent.setup()
    render(
      <Provider store={store}>
        <ThemeProvider theme={makeTheme('light')}>
          <FrontierPlot runId={RUN} format={format} />
        </ThemeProvider>
      </Provider>,
    )
    const handle = await target()
    expect(button('Choose this mix')).toBeDisabled()
    act(() => handle.focus())
    await user.keyboard('{End}')
    await user.click(button('Choose this mix'))
    await waitFor(() => expect(bodies('frontier')).toHaveLength(1))
    expect(bodies('frontier')[0]).toEqual({
      value: { weights: { BTC: '0', ETH: '0', LTC: '1', USD: '0' }, point: 49 },
    })
  })
})
