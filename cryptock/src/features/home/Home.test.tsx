import { act, fireEvent, screen, waitFor, within } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { openPage, sent } from '@/testing/page'
import { get, getRuns, post, put, recorded, service } from '@/testing/service'

const runsPage = () => screen.findByRole('list', { name: 'Recent runs' })
const rowOf = async (runId: string) =>
  within(await runsPage()).findByRole('link', { name: new RegExp(runId) })
const review = () => screen.findByRole('button', { name: 'Review and start' })
const settings = () => screen.findByRole('group', { name: 'Settings' })
const started = () => put('/runnables/:name/start', { run_id: 'new_0' })
const admin = recorded.login
const [gdax, mirror] = recorded.exchanges

/** What was sent to start a strategy, without what makes it one request. */
const formsFor = (strategy: string) =>
  sent(`/${strategy}/start`).map((body) => {
    const { request_id, ...form } = body as Record<string, unknown>
    expect(request_id).toMatch(/^[\da-f-]{36}$/)
    return form
  })

describe('recent runs', () => {
  it('tell state, mode and result, follow what is pushed, and lead to the run', async () => {
    service.use(
      getRuns('/results', {
        total: 1,
        offset: 0,
        runs: [{ run_id: 'componentdemo_0', sparkline: [10000, 9990, 9952] }],
      }),
    )
    const { tell } = await openPage('/')
    const row = await rowOf('componentdemo_0')
    expect(row).toHaveTextContent(/stopped.*backtest.*▼ −0.47 %/)
    expect(row).toHaveAttribute('href', '/runs/componentdemo_0')
    expect(
      await screen.findByRole('img', { name: 'Equity of ComponentDemo: down from start to end' }),
    ).toBeInTheDocument()
    await tell('run', {
      run_id: 'efficientfrontier_0',
      seq: 21,
      initial_equity: '10000' as never,
      equity: '10182.5' as never,
      state: 'paused',
    })
    expect(await rowOf('efficientfrontier_0')).toHaveTextContent(/paused.*paper.*▲ \+1.82 %/)
  })

  it('show how far a backtest is, why a run failed, and what holds one up', async () => {
    const run = recorded.runs.componentdemo_0
    service.use(
      getRuns('/runs', {
        a_0: {
          ...run,
          run_id: 'a_0',
          state: 'running',
          running: true,
          progress: 0.4,
          label: 'mine',
        },
        b_0: { ...run, run_id: 'b_0', state: 'failed', error: 'gdax is not ready' },
        c_0: { ...run, run_id: 'c_0', running: true, detail: 'xWrap is away' },
      }),
    )
    await openPage('/')
    expect(await screen.findByRole('progressbar', { name: 'Progress of mine' })).toHaveAttribute(
      'aria-valuenow',
      '40',
    )
    expect(await rowOf('b_0')).toHaveTextContent(/failed.*gdax is not ready/)
    expect(await rowOf('c_0')).toHaveTextContent('xWrap is away')
  })

  it('say what is wrong where they can’t be read', async () => {
    service.use(getRuns('/runs', {}))
    service.use(getRuns('/runs', { error: 'the disk is full' }, 500))
    await openPage('/')
    expect(await screen.findByText(/The disk is full/)).toBeInTheDocument()
  })
})

describe('the welcome', () => {
  it('prepares the first runs where there are none, and can be dismissed for good', async () => {
    service.use(getRuns('/runs', {}), started())
    const { user } = await openPage('/')
    expect(await screen.findByRole('heading', { name: 'Welcome to Cryptick' })).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Watch it' })).toBeDisabled()
    await user.click(await screen.findByRole('button', { name: 'Prepare a backtest' }))
    await waitFor(() =>
      expect(screen.getByRole('combobox', { name: 'Strategy' })).toHaveValue('SmaCross'),
    )
    expect(screen.getByRole('button', { name: 'backtest' })).toHaveAttribute('aria-pressed', 'true')
    await user.click(screen.getByRole('button', { name: 'Prepare a paper run' }))
    await waitFor(() =>
      expect(screen.getByRole('combobox', { name: 'Strategy' })).toHaveValue('EfficientFrontier'),
    )
    expect(await screen.findByRole('textbox', { name: /USD of gdax/ })).toHaveValue('97500')
    expect(await review()).toBeEnabled()
    await user.click(screen.getByRole('button', { name: 'Dismiss the welcome' }))
    expect(screen.queryByRole('heading', { name: 'Welcome to Cryptick' })).toBeNull()
    expect(localStorage.getItem('cryptock.welcomed')).not.toBeNull()
  })

  it('shows the run that was started with the services to who is new', async () => {
    const { started_by, ...demo } = recorded.runFrontier
    expect(started_by).toBe('admin')
    service.use(getRuns('/runs', { [demo.run_id]: demo }))
    await openPage('/')
    expect(await screen.findByRole('button', { name: 'Watch it' })).toBeEnabled()
  })

  it('shows the newest paper run at work to who asks for it', async () => {
    const { user } = await openPage('/?welcome')
    expect(
      await screen.findByText(/EfficientFrontier trades virtual money on real markets/),
    ).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Watch it' })).toBeEnabled()
    await user.click(screen.getByRole('button', { name: 'Dismiss the welcome' }))
    expect(screen.queryByRole('heading', { name: 'Welcome to Cryptick' })).toBeNull()
  })
})

describe('a paper run', () => {
  it('is told in words with amounts and started once, however often one clicks', async () => {
    service.use(started())
    const { user } = await openPage('/?strategy=EfficientFrontier&mode=paper')
    await user.type(await screen.findByRole('textbox', { name: 'Label' }), 'calm')
    await user.click(await review())
    const dialog = await screen.findByRole('dialog', { name: 'Start calm?' })
    expect(dialog).toHaveTextContent('Run EfficientFrontier on paper with 97 500 USD of gdax.')
    const start = within(dialog).getByRole('button', { name: 'Start on paper' })
    act(() => {
      start.click()
      start.click() // before anything is drawn again
    })
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(formsFor('EfficientFrontier')).toEqual([
      {
        mode: 'paper',
        balances: [{ exchange: 'gdax', base: 'USD', balance: '97500' }],
        params: {},
        label: 'calm',
      },
    ])
  })

  it('never gets more than is unallocated', async () => {
    const { user } = await openPage('/?strategy=SmaCross&mode=paper')
    const funds = within(await screen.findByRole('group', { name: 'Funds' }))
    const dollars = funds.getByRole('textbox', { name: /USD of gdax/ })
    await user.clear(dollars)
    expect(await review()).toBeDisabled()
    expect(screen.getByText('Say how much USD on gdax.')).toBeInTheDocument()
    await user.type(dollars, '9999999')
    expect(screen.getByText('There is less USD on gdax than that.')).toBeInTheDocument()
    await user.tab()
    expect(dollars).toHaveValue('975000')
    expect(await review()).toBeEnabled()
  })

  it('gets funds of each place once', async () => {
    const { user } = await openPage('/?strategy=SmaCross&mode=paper')
    const funds = within(await screen.findByRole('group', { name: 'Funds' }))
    await user.click(funds.getByRole('button', { name: '+ Add funds' }))
    expect(funds.getByRole('textbox', { name: /BTC of gdax/ })).toHaveValue('')
    await user.click(funds.getAllByRole('combobox', { name: 'Currency' })[1] as HTMLElement)
    expect(screen.queryByRole('option', { name: 'USD' })).toBeNull()
    await user.click(screen.getByRole('option', { name: 'ETH' }))
    expect(funds.getByRole('textbox', { name: /ETH of gdax/ })).toHaveValue('')
    await user.click(funds.getAllByRole('combobox', { name: 'Exchange' })[1] as HTMLElement)
    await user.click(screen.getByRole('option', { name: 'mirror' }))
    expect(funds.getByRole('textbox', { name: /ETH of mirror/ })).toBeInTheDocument()
    await user.click(funds.getByRole('button', { name: 'Remove ETH of mirror' }))
    await user.click(funds.getByRole('button', { name: 'Remove USD of gdax' }))
    expect(screen.getByText('Give it some funds.')).toBeInTheDocument()
  })

  it('shows a refusal beside the field it is about', async () => {
    service.use(
      put(
        '/runnables/:name/start',
        {
          error: '--fast must be at least 1 bars',
          code: -32602,
          data: { error: 'usage', field: 'form' },
        },
        400,
      ),
    )
    const { user } = await openPage('/?strategy=SmaCross&mode=paper')
    await user.click(await review())
    await user.click(await screen.findByRole('button', { name: 'Start on paper' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    const field = await screen.findByRole('textbox', { name: /Fast/ })
    expect(field).toHaveAccessibleDescription('--fast must be at least 1 bars')
    await user.type(field, '1')
    expect(field).not.toHaveAccessibleDescription('--fast must be at least 1 bars')
  })

  it('says what a refusal without a place means for the money, and can be tried again', async () => {
    service.use(
      put(
        '/runnables/:name/start',
        { error: '50 runs go on already', code: -32005, data: { error: 'busy' } },
        409,
      ),
    )
    const { user } = await openPage('/?strategy=SmaCross&mode=paper')
    await user.click(await review())
    const start = await screen.findByRole('button', { name: 'Start on paper' })
    await user.click(start)
    expect(await screen.findByRole('alert')).toHaveTextContent(
      '50 runs go on already. No run was started and no funds were moved.',
    )
    expect(start).toBeEnabled()
  })

  it('is the same request while nobody knows whether it was started', async () => {
    service.use(put('/runnables/:name/start', { error: 'no answer' }, 502))
    const { user } = await openPage('/?strategy=SmaCross&mode=paper')
    await user.click(await review())
    const start = await screen.findByRole('button', { name: 'Start on paper' })
    await user.click(start)
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'The run may have been started. Try again: the same run is never started twice.',
    )
    service.use(started())
    await user.click(start)
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    const [first, second, ...more] = sent('/SmaCross/start')
    expect(second).toEqual(first)
    expect(more).toEqual([])
  })
})

describe('a backtest', () => {
  it('chooses from the history there is', async () => {
    service.use(started())
    const { user } = await openPage('/?strategy=SmaCross&mode=backtest')
    const period = within(await screen.findByRole('group', { name: 'Period' }))
    const [first] = recorded.storedHistory.candles
    if (!first) throw new Error('no history was recorded')
    const day = (at: number) => new Date(at * 1000).toISOString().slice(0, 10)
    const from = period.getByLabelText('From, UTC')
    expect(from).toHaveValue(day(first.start))
    expect(from).toHaveAttribute('min', day(first.start))
    expect(period.getByRole('list', { name: 'History there is' })).toHaveTextContent(
      'BTC/USD on gdax',
    )
    expect(period.getByRole('button', { name: 'Last 30 days' })).toBeDisabled()
    await user.click(period.getByRole('button', { name: 'Last day' }))
    fireEvent.change(from, { target: { value: '1999-01-01' } })
    expect(from).toHaveValue(day(first.start))
    fireEvent.change(period.getByLabelText('To and with, UTC'), {
      target: { value: day(first.start + 86_400) },
    })
    await user.click(await review())
    await user.click(await screen.findByRole('button', { name: 'Start the backtest' }))
    await waitFor(() =>
      expect(formsFor('SmaCross')).toEqual([
        expect.objectContaining({
          start: first.start,
          end: (Math.floor(first.start / 86_400) + 2) * 86_400,
        }),
      ]),
    )
  })

  it('chooses how its orders are filled', async () => {
    service.use(started())
    const { user } = await openPage('/?strategy=SmaCross&mode=backtest')
    await review()
    await user.click(screen.getByRole('combobox', { name: 'Bars of' }))
    await user.click(screen.getByRole('option', { name: '1 h' }))
    await user.click(screen.getByRole('combobox', { name: 'Orders are filled by' }))
    expect(screen.getByRole('option', { name: /Recorded books/ })).toHaveAttribute('aria-disabled')
    await user.click(screen.getByRole('option', { name: 'Path of the bar' }))
    expect(screen.getByText(/the price goes from open over low and high/)).toBeInTheDocument()
    await user.click(screen.getByRole('button', { name: /Latency 5 ms, no slippage/ }))
    const latency = screen.getByRole('textbox', { name: 'Latency' })
    await user.clear(latency)
    expect(screen.getByRole('alert')).toHaveTextContent('from 0 to 60 000 ms')
    await user.type(latency, '20')
    await user.click(await review())
    await user.click(await screen.findByRole('button', { name: 'Start the backtest' }))
    await waitFor(() =>
      expect(formsFor('SmaCross')).toEqual([
        {
          mode: 'backtest',
          balances: [{ exchange: 'gdax', base: 'USD', balance: '10000' }],
          params: {},
          freq: '3600',
          fill_model: 'bar_path',
          latency_ms: 20,
          slippage_bps: '0',
        },
      ]),
    )
  })

  it('says where there is no history', async () => {
    service.use(getRuns('/history', { source: '', total: 0, candles: [], recordings: [] }))
    await openPage('/?strategy=SmaCross&mode=backtest')
    expect(
      await screen.findByText('There is no history of what these funds trade.'),
    ).toBeInTheDocument()
    expect(await review()).toBeDisabled()
  })

  it('is filled in as a run there was, and as it was the last time', async () => {
    service.use(
      getRuns('/runs/smacross_0', {
        ...recorded.runCross,
        params: { ...recorded.runCross.params, fast: 7 },
      }),
    )
    const { user } = await openPage('/?from=smacross_0')
    const field = await screen.findByRole('textbox', { name: /Fast · changed/ })
    expect(field).toHaveValue('7')
    expect(screen.getByRole('button', { name: 'backtest' })).toHaveAttribute('aria-pressed', 'true')
    await user.clear(field)
    await user.type(field, '9')
    expect(localStorage.getItem('cryptock.start.SmaCross')).toContain('"fast":"9"')
    await user.click(screen.getByRole('button', { name: 'Reset Fast to 20' }))
    expect(field).toHaveValue('20')
  })
})

describe('the form', () => {
  it('finds strategies by name and shows what each does', async () => {
    const { user } = await openPage('/')
    const strategy = await screen.findByRole('combobox', { name: 'Strategy' })
    await user.clear(strategy)
    await user.type(strategy, 'hodl')
    await user.click(await screen.findByRole('option', { name: /HodlStrategy.*then hold/ }))
    await waitFor(() => expect(strategy).not.toBeInTheDocument())
    expect(await screen.findByRole('combobox', { name: 'Strategy' })).toHaveValue('HodlStrategy')
    expect(screen.getByText(/Spend each funded currency/)).toBeInTheDocument()
  })

  it('folds what is seldom set, never what was changed, and checks what is typed', async () => {
    const { user } = await openPage('/?strategy=EfficientFrontier&mode=paper')
    const group = within(await settings())
    expect(group.queryByRole('textbox', { name: /Risk free/ })).toBeNull()
    await user.click(group.getByRole('button', { name: '14 more settings' }))
    const rate = group.getByRole('textbox', { name: /Risk free/ })
    await user.clear(rate)
    await user.type(rate, '-100')
    expect(rate).toHaveAccessibleDescription('It must be more than -100 and at most 100.')
    expect(await review()).toBeDisabled()
    await user.type(rate, '{Backspace}')
    expect(await review()).toBeEnabled()
    await user.click(group.getByRole('switch', { name: /Confirm/ }))
    await user.click(group.getByRole('button', { name: 'Fewer settings' }))
    expect(group.getByRole('textbox', { name: /Risk free/ })).toHaveValue('-10')
    await user.click(await review())
    const dialog = await screen.findByRole('dialog')
    expect(within(dialog).getByRole('list', { name: 'Not as usual' })).toHaveTextContent(
      /Risk free -10 % per half-year \(usually 3 % per half-year\)/,
    )
    await user.click(within(dialog).getByRole('button', { name: 'Back' }))
    await user.click(await screen.findByRole('button', { name: 'Reset 2 changed settings' }))
    expect(group.queryByRole('textbox', { name: /Risk free/ })).toBeNull()
  })

  it('offers choices where there are some', async () => {
    service.use(
      getRuns('/runnables/:name/parameters', [
        {
          ...recorded.parametersCross[0],
          name: 'side',
          default: 'buy',
          choices: ['buy', 'sell'],
        },
      ]),
    )
    const { user } = await openPage('/?strategy=TwapExecution&mode=paper')
    await user.click(await screen.findByRole('combobox', { name: 'Side' }))
    await user.click(screen.getByRole('option', { name: 'sell' }))
    expect(screen.getByRole('combobox', { name: /Side/ })).toHaveTextContent('sell')
  })

  it('trades live only where an exchange does, and only after a word', async () => {
    service.use(get('/exchanges', [gdax, { ...mirror, mode: 'live' }] as never), started())
    const { user } = await openPage('/?strategy=SmaCross&mode=paper')
    await user.click(await screen.findByRole('button', { name: 'live' }))
    expect(screen.getByText('Give it some funds.')).toBeInTheDocument()
    const funds = within(screen.getByRole('group', { name: 'Funds' }))
    await user.click(funds.getByRole('button', { name: '+ Add funds' }))
    await user.type(funds.getByRole('textbox', { name: /BTC of mirror/ }), '0.5')
    await user.click(await review())
    const dialog = within(await screen.findByRole('dialog'))
    expect(dialog.getByText('This trades real money.')).toBeInTheDocument()
    const start = dialog.getByRole('button', { name: 'Trade live' })
    expect(start).toBeDisabled()
    await user.type(dialog.getByRole('textbox', { name: 'Type live to go on' }), 'live')
    await user.click(start)
    await waitFor(() =>
      expect(formsFor('SmaCross')).toEqual([
        {
          mode: 'live',
          balances: [{ exchange: 'mirror', base: 'BTC', balance: '0.5' }],
          params: {},
          confirm: true,
        },
      ]),
    )
  })

  it('does not offer live where no exchange trades live', async () => {
    await openPage('/')
    expect(await screen.findByRole('button', { name: 'live' })).toBeDisabled()
    expect(screen.getByText('No exchange is set up for live trading.')).toBeInTheDocument()
  })

  it('begins with a backtest where nothing trades on paper', async () => {
    service.use(get('/exchanges', [{ ...gdax, mode: 'live' }] as never))
    await openPage('/?strategy=Gone&mode=paper')
    expect(await screen.findByRole('button', { name: 'backtest' })).toHaveAttribute(
      'aria-pressed',
      'true',
    )
    expect(screen.getByRole('button', { name: 'paper' })).toBeDisabled()
    expect(screen.getByText('There is no strategy Gone here any more.')).toBeInTheDocument()
  })

  it('lets viewers look but not start', async () => {
    service.use(post('/auth/refresh', { ...admin, role: 'viewer' }))
    await openPage('/?welcome')
    expect(await review()).toBeDisabled()
    expect(screen.getByText(/You may look, but not start/)).toBeInTheDocument()
    expect(await screen.findByRole('button', { name: 'Prepare a paper run' })).toBeDisabled()
    expect(screen.queryByRole('button', { name: 'Add virtual funds' })).toBeNull()
  })

  it('is reached by the palette', async () => {
    const { user } = await openPage('/market')
    await user.keyboard('{Control>}k{/Control}')
    await user.type(
      await screen.findByRole('combobox', { name: 'Find or do anything' }),
      'start back{Enter}',
    )
    expect(await screen.findByRole('button', { name: 'backtest' })).toHaveAttribute(
      'aria-pressed',
      'true',
    )
  })
})

describe('funds', () => {
  it('are summed per exchange and currency, and get virtual ones', async () => {
    const { user } = await openPage('/')
    const table = await screen.findByRole('table', { name: 'Funds by exchange' })
    const row = await within(table).findByRole('row', { name: /^USD gdax/ })
    expect(row.textContent.replaceAll('\u202f', '')).toMatch(/97500017551.647426/)
    await user.click(await screen.findByRole('button', { name: 'Add virtual funds' }))
    await user.type(await screen.findByRole('textbox', { name: /Amount/ }), '500')
    await user.click(screen.getByRole('button', { name: 'Add 500 USD' }))
    await waitFor(() =>
      expect(sent('/transaction')).toEqual([{ exchange: 'gdax', base: 'USD', movement: '500' }]),
    )
  })
})
