/** A run beside the markets it traded in: equity against holding, and trades on candles. */
import Download from '@mui/icons-material/Download'
import { Box, Button, MenuItem, Skeleton, TextField } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { lazy, Suspense, useMemo, useState } from 'react'
import { amount } from '@/shared/amount'
import { cryptickApi, useGetEquityQuery, useGetRunTradesQuery } from '@/shared/api/cryptick'
import type { Report, Run, TablePage } from '@/shared/api/runs'
import { csvCell, csvLine, download } from '@/shared/csv'
import { baseOf, count, pairName, quoteOf, wireTime } from '@/shared/format'
import { useAppDispatch } from '@/shared/hooks'
import { Card, Empty, ErrorNote, Num, Word } from '@/shared/ui/parts'
import { Table } from '@/shared/ui/Table'
import { ROWS_MAX, useGetMarketsQuery } from './api'
import type { Curve, Pane } from './Curves'
import { look } from './palette'
import {
  drawdowns,
  exposure,
  freqFor,
  freqText,
  held,
  marketOf,
  marks,
  type Point,
  pointsOf,
  tradesOf,
} from './series'
import { figure, gain, minute, percent } from './words'

const Curves = lazy(() => import('./Curves'))
const TradeCandles = lazy(() => import('./TradeCandles'))

const BARS_MAX = 1500
const MARKETS_MAX = 8
const USUAL_FREQ_S = 300
/** By how much a curve may miss what the report says of its end, before it is not shown. */
const TOLERANCE = 0.005
const CHART_PX = 460

/** The markets of a run, and candles of all of them. */
function useMarkets(run: Run, report: Report) {
  const markets = useMemo(() => report.pairs.slice(0, MARKETS_MAX).map(marketOf), [report])
  const base = Math.max(USUAL_FREQ_S, ...(run.manifest?.data ?? []).map(({ freq_s }) => freq_s))
  const start = Math.floor(wireTime(report.period_start) / 1000)
  const end = Math.ceil(wireTime(report.period_end) / 1000)
  const freq = freqText(freqFor(base, end - start, BARS_MAX))
  return { markets, ...useGetMarketsQuery({ markets, freq, start, end }) }
}

export function EquityCard({ run, report }: { run: Run; report: Report }) {
  const theme = useTheme()
  const { data: page, error, refetch } = useGetEquityQuery(run.run_id)
  const { data: trades } = useGetRunTradesQuery({ runId: run.run_id, limit: ROWS_MAX })
  const { markets, data: candles } = useMarkets(run, report)
  const panes = useMemo<Pane[]>(() => {
    const equity = pointsOf(page?.rows ?? [])
    const { currency, benchmark } = report
    const own = (points: readonly Point[]): Curve => ({
      name: 'Equity',
      points,
      ...look(theme, 0),
    })
    const holding = (points: readonly Point[]): Curve => ({
      name: 'Buy and hold',
      points,
      ...look(theme, 1),
    })
    const counted = (candles ?? []).filter((_, index) => {
      const { pair = '' } = markets[index] ?? {}
      return benchmark.bases.includes(baseOf(pair)) && quoteOf(pair) === currency
    })
    const initial = Number(report.initial_equity)
    const hold = held(counted, initial, wireTime(report.period_start))
    const off = (hold.at(-1)?.[1] ?? 0) / initial - 1 - (benchmark.total_return ?? Infinity)
    const isRight = counted.length === benchmark.bases.length && Math.abs(off) < TOLERANCE
    const known = trades && trades.total <= ROWS_MAX
    const cash = run.balances
      .filter(({ base }) => base === currency)
      .reduce((sum, { balance }) => sum + Number(balance), 0)
    return [
      {
        title: `Equity, ${currency}`,
        part: 3,
        form: figure,
        curves: isRight ? [own(equity), holding(hold)] : [own(equity)],
      },
      {
        title: 'Drawdown',
        part: 1.2,
        keep: 'lowest',
        form: (value) => gain(value, 1),
        curves: isRight
          ? [own(drawdowns(equity)), holding(drawdowns(hold))]
          : [own(drawdowns(equity))],
      },
      ...(known
        ? [
            {
              title: 'In the market',
              part: 0.9,
              form: (value: number) => percent(value, 0),
              curves: [
                own(exposure(equity, tradesOf(trades.columns, trades.rows), currency, cash)),
              ],
            },
          ]
        : []),
    ]
  }, [page, trades, candles, markets, report, run, theme])
  return (
    <Card title="Equity, drawdown and exposure">
      <ErrorNote error={error} retry={() => void refetch()} />
      {page === undefined ? (
        error === undefined && <Skeleton variant="rounded" height={CHART_PX} />
      ) : page.rows.length < 2 ? (
        <Empty text="There is no curve: the run was over at once." />
      ) : (
        <Suspense fallback={<Skeleton variant="rounded" height={CHART_PX} />}>
          <Curves
            label={`Equity, drawdown and exposure of ${run.run_id}`}
            panes={panes}
            height={CHART_PX}
          />
        </Suspense>
      )}
    </Card>
  )
}

export function TradesCard({ run, report }: { run: Run; report: Report }) {
  const {
    data: page,
    error,
    refetch,
  } = useGetRunTradesQuery({ runId: run.run_id, limit: ROWS_MAX })
  const { markets, data: candles, error: noCandles, refetch: askCandles } = useMarkets(run, report)
  const [chosen, setChosen] = useState(0)
  const trades = useMemo(() => tradesOf(page?.columns ?? [], page?.rows ?? []), [page])
  const market = markets[chosen]
  const shown = candles?.[chosen]
  const marked = useMemo(
    () =>
      shown && market
        ? marks(
            trades.filter(
              ({ pair, exchange }) => pair === market.pair && exchange === market.exchange,
            ),
            shown.freq_s,
          )
        : [],
    [trades, market, shown],
  )
  const name = market ? `${pairName(market.pair)} on ${market.exchange}` : ''
  return (
    <Card
      title="Trades"
      action={
        <>
          {markets.length > 1 && (
            <TextField
              select
              value={chosen}
              onChange={(event) => setChosen(Number(event.target.value))}
              slotProps={{ htmlInput: { 'aria-label': 'Market' } }}
              sx={{ width: 180 }}
            >
              {markets.map(({ pair, exchange }, index) => (
                <MenuItem key={`${exchange} ${pair}`} value={index} dense>
                  {pairName(pair)} on {exchange}
                </MenuItem>
              ))}
            </TextField>
          )}
          <CsvButton runId={run.run_id} disabled={report.trades === 0} />
        </>
      }
    >
      <ErrorNote error={noCandles} retry={() => void askCandles()} />
      {shown !== undefined &&
        (shown.points.length === 0 ? (
          <Empty text={`xWrap has no candles of ${name} in this period.`} />
        ) : (
          <Suspense fallback={<Skeleton variant="rounded" height={340} />}>
            <TradeCandles candles={shown} marks={marked} name={name} />
          </Suspense>
        ))}
      <Box sx={{ mt: 4 }}>
        <ErrorNote error={error} retry={() => void refetch()} />
        {page === undefined ? (
          error === undefined && <Skeleton variant="rounded" height={200} />
        ) : page.rows.length === 0 ? (
          <Empty text="Nothing was traded." />
        ) : (
          <TradeTable page={page} />
        )}
      </Box>
    </Card>
  )
}

function TradeTable({ page }: { page: TablePage }) {
  const { columns, rows, total } = page
  const place = useMemo(() => new Map(columns.map((name, index) => [name, index])), [columns])
  const text = (row: readonly string[], name: string) => row[place.get(name) ?? -1] ?? ''
  const number = (name: string, title: string) => ({
    name: title,
    width: 'minmax(96px, 1fr)',
    number: true,
    cell: (row: string[]) => <Num value={amount(text(row, name))} digits={{ max: 8 }} />,
  })
  return (
    <>
      <Table
        label="Trades"
        rows={rows}
        keyOf={(row) => rows.indexOf(row)}
        height="420px"
        columns={[
          { name: 'Time, UTC', width: '132px', cell: (row) => minute(wireTime(text(row, 'time'))) },
          {
            name: 'Side',
            width: '44px',
            cell: (row) => (
              <Word tone={text(row, 'side') === 'buy' ? 'good' : 'bad'}>{text(row, 'side')}</Word>
            ),
          },
          { name: 'Pair', width: '84px', cell: (row) => pairName(text(row, 'pair')) },
          { name: 'Exchange', width: '80px', cell: (row) => text(row, 'exchange') },
          number('price', 'Price'),
          number('size', 'Size'),
          number('notional', 'Notional'),
          number('fee', 'Fee'),
          { name: 'As', width: '52px', cell: (row) => text(row, 'maker') },
        ]}
      />
      {total > rows.length && (
        <Box sx={{ color: 'text.secondary', fontSize: 12, mt: 2 }}>
          The first {count(rows.length, 'trade')} of {count(total, 'trade')}; the CSV has them all.
        </Box>
      )}
    </>
  )
}

function CsvButton({ runId, disabled }: { runId: string; disabled: boolean }) {
  const dispatch = useAppDispatch()
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    setError(null)
    const lines: string[] = []
    try {
      let offset = 0
      for (let total = 1; offset < total;) {
        const page = await dispatch(
          cryptickApi.endpoints.getRunTrades.initiate(
            { runId, offset, limit: ROWS_MAX },
            { subscribe: false },
          ),
        ).unwrap()
        if (offset === 0) lines.push(csvLine(page.columns))
        for (const row of page.rows)
          lines.push(csvLine(row.map((cell) => csvCell(cell, /^-?[\d.]+$/.test(cell)))))
        if (page.rows.length === 0) break
        offset += page.rows.length
        total = page.total
      }
      download(`${runId}-trades.csv`, lines)
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button
        startIcon={<Download />}
        loading={busy}
        loadingPosition="start"
        disabled={disabled}
        onClick={() => void save()}
      >
        Export CSV
      </Button>
      <ErrorNote error={error} />
    </>
  )
}
