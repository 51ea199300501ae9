import { act, screen, waitFor, within } from '@testing-library/react'
import { http, HttpResponse, type JsonBodyType } from 'msw'
import { describe, expect, it, vi } from 'vitest'
import { drawn } from '@/testing/chart'
import { openPage, sent } from '@/testing/page'
import { get, getRuns, put, recorded, service } from '@/testing/service'

// Nothing is painted here.
vi.mock('chart.js', () => ({
  Chart: class {
    static register = () => undefined
    destroy = () => undefined
  },
  BarController: {},
  BarElement: {},
  CategoryScale: {},
  LinearScale: {},
  Tooltip: {},
}))

const { runs } = recorded.results
const past = runs.filter(({ mode, running }) => mode === 'backtest' || !running)
const absent = (path: string, status: number, kind: string, error: string) =>
  http.get(`*/api/cryptick${path}`, () =>
    HttpResponse.json({ error, code: -32001, data: { error: kind } }, { status }),
  )

describe('the list of backtests', () => {
  it('shows what each has come to, and compares those that are ticked', async () => {
    const { user } = await openPage('/backtests')
    const table = await screen.findByRole('table', { name: 'Backtests' })
    expect(within(table).getAllByRole('row')).toHaveLength(past.length + 1)
    const compare = screen.getByRole('button', { name: /^Compare/ })
    expect(compare).toBeDisabled()
    await user.click(screen.getByRole('checkbox', { name: 'Compare smacross_0' }))
    expect(screen.getByText('Tick another one to compare them.')).toBeInTheDocument()
    await user.click(screen.getByRole('checkbox', { name: 'Compare hodlstrategy_0' }))
    await user.click(screen.getByRole('button', { name: 'Compare 2' }))
    expect(await screen.findByRole('heading', { name: '2 runs side by side' })).toBeInTheDocument()
  })

  it('is sorted by its heads and searched by words', async () => {
    const { user } = await openPage('/backtests')
    const table = await screen.findByRole('table', { name: 'Backtests' })
    const order = () =>
      within(table)
        .getAllByRole('row')
        .slice(1)
        .map((row) => row.textContent)
    await user.click(screen.getByRole('button', { name: 'Return' }))
    const falling = order()
    expect(screen.getByRole('columnheader', { name: /Return/ })).toHaveAttribute(
      'aria-sort',
      'descending',
    )
    await user.click(screen.getByRole('button', { name: /Return/ }))
    expect(order()).toEqual([...falling].reverse())
    await user.type(screen.getByRole('searchbox', { name: 'Find a backtest' }), 'hodl')
    expect(order()).toHaveLength(1)
    await user.type(screen.getByRole('searchbox', { name: 'Find a backtest' }), ' never')
    await user.click(screen.getByRole('button', { name: 'Show all' }))
    expect(screen.getAllByRole('row')).toHaveLength(past.length + 1)
  })

  it('teaches what a backtest is where there is none', async () => {
    service.use(getRuns('/results', { total: 0, offset: 0, runs: [] }))
    await openPage('/backtests')
    expect(await screen.findByText(/nothing is traded/)).toBeInTheDocument()
    expect(screen.getByRole('link', { name: 'Start a backtest' })).toHaveAttribute(
      'href',
      '/?mode=backtest',
    )
  })

  it('tells of one that goes on and one that failed', async () => {
    const [first] = past
    service.use(
      getRuns('/results', {
        total: 2,
        offset: 0,
        runs: [
          { ...first, run_id: 'a_0', running: true, state: 'running', progress: 0.4 },
          { ...first, run_id: 'b_0', state: 'failed', error: 'no history', total_return: null },
        ],
      } as JsonBodyType),
    )
    await openPage('/backtests')
    expect(await screen.findByText('40 %')).toBeInTheDocument()
    expect(screen.getByText('failed')).toBeInTheDocument()
    expect(screen.getByRole('checkbox', { name: 'Compare a_0' })).toBeDisabled()
  })

  it('says what went wrong and asks again', async () => {
    service.use(absent('/results', 500, 'internal', 'the disk is full'))
    const { user } = await openPage('/backtests')
    expect(await screen.findByText('The disk is full.')).toBeInTheDocument()
    service.resetHandlers()
    await user.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByRole('table', { name: 'Backtests' })).toBeInTheDocument()
  })
})

describe('the report of a run', () => {
  const open = async (path = '/backtests/smacross_0') => {
    service.use(get('/ohlcv/:exchange/:pair', recorded.runCandles))
    return openPage(path)
  }

  it('shows figures with what they mean, and why some can’t be said', async () => {
    const { user } = await open()
    const headline = await screen.findByLabelText('Headline figures')
    expect(headline).toHaveTextContent(/Sharpe ratio−9\.09/)
    expect(screen.getAllByText('needs 30 days').length).toBeGreaterThan(0)
    await user.hover(within(headline).getByText('Sharpe ratio'))
    expect(await screen.findByRole('tooltip')).toHaveTextContent('return per risk')
    expect(screen.getByText(/filled at the opening price of the next candle/)).toBeInTheDocument()
  })

  it('draws equity, drawdown and exposure, and hides a curve', async () => {
    const { user } = await open()
    await screen.findByRole('img', { name: 'Equity, drawdown and exposure of smacross_0' })
    await waitFor(() => expect(drawn.length).toBeGreaterThanOrEqual(3))
    const curve = await screen.findByRole('button', { name: /^Equity/ })
    expect(curve).toHaveAttribute('aria-pressed', 'true')
    await user.click(curve)
    expect(curve).toHaveAttribute('aria-pressed', 'false')
  })

  it('shows its trades on candles and in a table, and saves them', async () => {
    const saved: Blob[] = []
    URL.createObjectURL = (blob: Blob) => `blob:${saved.push(blob)}`
    URL.revokeObjectURL = () => undefined
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue()
    const { user } = await open()
    await screen.findByRole('img', { name: 'Trades on candles of BTC/USD on gdax' })
    const table = screen.getByRole('table', { name: 'Trades' })
    expect(within(table).getAllByRole('row').length).toBeGreaterThan(recorded.runTrades.total / 2)
    await user.click(screen.getByRole('button', { name: 'Export CSV' }))
    await waitFor(() => expect(saved).toHaveLength(1))
    const text = await new Promise<string>((done) => {
      const reader = new FileReader()
      reader.onload = () => done(reader.result as string)
      reader.readAsText(saved[0] ?? new Blob())
    })
    expect(text.split('\r\n')).toHaveLength(recorded.runTrades.total + 2)
    expect(text).toContain('time,client_oid,exchange,pair')
    click.mockRestore()
  })

  it('opens the written page by a ticket', async () => {
    service.use(put('/pages', { path: '/pages/ticket', expires_s: 60 }))
    const opened = vi.spyOn(window, 'open').mockReturnValue(null)
    const { user } = await open()
    await user.click(await screen.findByRole('button', { name: 'Open as a file' }))
    await waitFor(() =>
      expect(opened).toHaveBeenCalledWith('/api/cryptick/pages/ticket', '_blank', 'noopener'),
    )
    opened.mockRestore()
  })

  it('is run again and found equal to the digit', async () => {
    service.use(
      put('/runs/smacross_0/rerun', { run_id: 'smacross_9' }),
      getRuns('/runs/smacross_9', { ...recorded.runCross, run_id: 'smacross_9' } as JsonBodyType),
    )
    const { user } = await open()
    await user.click(await screen.findByRole('button', { name: 'Run again' }))
    expect(await screen.findByText('Equal to the digit.')).toBeInTheDocument()
    expect(sent('/runs/smacross_0/rerun')).toEqual([{}])
  })

  it('says what has changed where the second run is not the same', async () => {
    const { manifest } = recorded.runCross
    service.use(
      getRuns('/runs/smacross_9', {
        ...recorded.runCross,
        run_id: 'smacross_9',
        manifest: {
          ...manifest,
          key: 'other',
          data: manifest.data.map((each) => ({ ...each, columns: 'other' })),
        },
      } as JsonBodyType),
      getRuns('/runs/smacross_9/trades', {
        ...recorded.runTrades,
        rows: recorded.runTrades.rows.map((row) => [...row].fill('1', 5, 6)),
      }),
    )
    await open('/backtests/smacross_9?again=smacross_0')
    expect(await screen.findByText('Not the same.')).toBeInTheDocument()
    expect(screen.getByText(/the history was changed/)).toBeInTheDocument()
  })

  it('waits for one that goes on, and shows it by itself when it is done', async () => {
    const running = { ...recorded.runCross, state: 'running', running: true, progress: 0.25 }
    service.use(
      getRuns('/runs/smacross_0', running as JsonBodyType),
      absent('/runs/smacross_0/report', 404, 'no_data', 'there is none'),
    )
    const { tell } = await open()
    expect(await screen.findByText(/25 % so far/)).toBeInTheDocument()
    service.resetHandlers()
    await tell('run', { run_id: 'smacross_0', seq: 99, state: 'stopped' })
    expect(await screen.findByLabelText('Headline figures')).toBeInTheDocument()
  })

  it('says that a run failed, and where to look', async () => {
    service.use(
      getRuns('/runs/smacross_0', {
        ...recorded.runCross,
        state: 'failed',
        error: 'It divided by zero.',
      } as JsonBodyType),
      absent('/runs/smacross_0/report', 404, 'no_data', 'there is none'),
    )
    await open()
    expect(await screen.findByText(/It divided by zero/)).toBeInTheDocument()
    expect(screen.getByRole('link', { name: 'Its log' })).toHaveAttribute(
      'href',
      '/runs/smacross_0',
    )
  })

  it('keeps what the result follows from, folded', async () => {
    await open()
    expect(await screen.findByText(/Code, data and parameters from which/)).toBeInTheDocument()
    expect(screen.getByRole('button', { name: 'Copy the manifest' })).toBeInTheDocument()
    expect(screen.getByText(/candles of 5m/)).toBeInTheDocument()
  })
})

describe('a comparison', () => {
  it('marks the best and what differs', async () => {
    const { user } = await openPage('/compare?runs=smacross_0,hodlstrategy_0')
    const figures = await screen.findByRole('table', { name: 'Figures side by side' })
    const fall = within(figures).getByRole('row', { name: /Max drawdown/ })
    const [cross, hodl] = ['smacross_0', 'hodlstrategy_0'].map(
      (id) =>
        (recorded.comparison as unknown as Record<string, typeof recorded.report & object>)[
          id
        ] as unknown as { summary: { figures: { max_drawdown: number } } },
    )
    const better =
      (cross?.summary.figures.max_drawdown ?? 0) < (hodl?.summary.figures.max_drawdown ?? 0) ? 1 : 2
    expect(within(fall).getAllByRole('cell')[better - 1]).toHaveTextContent('best')
    const settings = screen.getByRole('table', { name: 'Settings side by side' })
    expect(within(settings).getByRole('row', { name: /Strategy/ })).toHaveTextContent('differs')
    expect(within(settings).getByRole('row', { name: /^Mode/ })).not.toHaveTextContent('differs')
    await user.click(screen.getByRole('button', { name: 'In USD' }))
    expect(await screen.findByText('Equity, USD')).toBeInTheDocument()
  })

  it('needs two runs', async () => {
    await openPage('/compare?runs=smacross_0')
    expect(await screen.findByRole('link', { name: 'Choose backtests' })).toHaveAttribute(
      'href',
      '/backtests',
    )
  })
})

describe('a sweep', () => {
  it('is listed with how far it is', async () => {
    const { user } = await openPage('/backtests')
    await user.click(await screen.findByRole('tab', { name: 'Sweeps' }))
    await user.click(await screen.findByRole('row', { name: /SmaCross/ }))
    expect(await screen.findByRole('heading', { name: 'SmaCross', level: 1 })).toBeInTheDocument()
  })

  it('teaches how one is started', async () => {
    service.use(getRuns('/sweeps', { total: 0, offset: 0, sweeps: [] }))
    await openPage('/backtests?tab=sweeps')
    expect(await screen.findByText(/python -m cryptick.sweep SmaCross/)).toBeInTheDocument()
  })

  it('has a map that keys walk through and that opens a trial', async () => {
    const { user } = await openPage('/sweeps/smacross_0')
    const grid = await screen.findByRole('grid', { name: /^Sharpe ratio by fast and slow/ })
    const cells = within(grid).getAllByRole('gridcell')
    expect(cells).toHaveLength(12)
    act(() => cells[0]?.focus())
    await user.keyboard('{ArrowRight}{ArrowDown}')
    expect(document.activeElement).toHaveAccessibleName(/^slow 60, fast 10/)
    await user.keyboard('{End}{Home}{ArrowUp}{ArrowLeft}{Enter}')
    const sheet = await screen.findByRole('presentation')
    expect(within(sheet).getByText(/other point/)).toBeInTheDocument()
    expect(within(sheet).getByText(/--fast 5 --slow 30/)).toBeInTheDocument()
  })

  it('shows another value over other parameters', async () => {
    const { user } = await openPage('/sweeps/smacross_0')
    await user.click(await screen.findByRole('combobox', { name: 'Down' }))
    await user.click(await screen.findByRole('option', { name: 'slow' }))
    expect(await screen.findByRole('grid', { name: /by slow and fast/ })).toBeInTheDocument()
    await user.click(screen.getByRole('combobox', { name: 'Value' }))
    await user.click(await screen.findByRole('option', { name: 'Trades' }))
    await user.click(screen.getByRole('combobox', { name: 'Over the others' }))
    await user.click(await screen.findByRole('option', { name: 'the best' }))
    expect(
      await screen.findByRole('grid', { name: /^Trades by slow and fast/ }),
    ).toBeInTheDocument()
  })

  it('says what choosing was worth, and whether that was luck', async () => {
    await openPage('/sweeps/smacross_0')
    const splits = await screen.findByRole('table', { name: 'Walk-forward splits' })
    expect(within(splits).getAllByRole('row')).toHaveLength(recorded.sweep.choices.length + 1)
    expect(screen.getByText(/going on with the choice would have made/)).toBeInTheDocument()
    expect(within(splits).getAllByText(/no better than the luckiest/).length).toBeGreaterThan(0)
  })

  it('says how long it still takes', async () => {
    const started_at = new Date(Date.now() - 60_000).toISOString()
    service.use(
      getRuns('/sweeps/smacross_0', {
        ...recorded.sweep,
        sweep: { ...recorded.sweep.sweep, state: 'running', done: 25, trials: 100, started_at },
      } as JsonBodyType),
    )
    await openPage('/sweeps/smacross_0')
    expect(
      await screen.findByText(/25 of 100 trials done, about \d+ (min|s) to go/),
    ).toBeInTheDocument()
    expect(screen.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '25')
  })

  it('says how one that was interrupted goes on', async () => {
    service.use(
      getRuns('/sweeps/smacross_0', {
        ...recorded.sweep,
        sweep: { ...recorded.sweep.sweep, state: 'interrupted', done: 25, trials: 100 },
      } as JsonBodyType),
    )
    await openPage('/sweeps/smacross_0')
    expect(await screen.findByText(/--resume smacross_0/)).toBeInTheDocument()
  })
})
