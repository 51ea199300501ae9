import { Box, Skeleton, ToggleButton, ToggleButtonGroup, Tooltip } from '@mui/material'
import { lazy, Suspense, useMemo } from 'react'
import { useSearchParams } from 'react-router'
import { subtract, ZERO } from '@/shared/amount'
import type { TradeMessage } from '@/shared/api/wire'
import { useGetCandlesQuery, useGetExchangesQuery } from '@/shared/api/xwrap'
import {
  DASH,
  digitsOf,
  duration,
  grouped,
  pairName,
  quoteOf,
  utc,
  wireTime,
} from '@/shared/format'
import { useAppSelector, useNow, useTopic } from '@/shared/hooks'
import { useFreshness } from '@/shared/live/freshness'
import {
  marketKey,
  selectConnection,
  selectPrints,
  selectTicker,
  selectTickers,
} from '@/shared/live/market'
import { Ago, Card, Empty, ErrorNote, Flashing, Num, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { Venues } from '@/shared/ui/Venues'
import { Ladder } from './Ladder'
import { between } from './venues'

const CandleChart = lazy(() => import('./CandleChart'))

const FREQS = { '5m': 300, '15m': 900, '1h': 3600, '6h': 21_600, '1d': 86_400 } as const
type Freq = keyof typeof FREQS
const CANDLES = 300

interface Row {
  exchange: string
  pair: string
  /** Of its prices, after the point. */
  digits: number
}

const rowKey = ({ exchange, pair }: Row) => marketKey(exchange, pair)

export function Market() {
  const { data: exchanges, error, refetch } = useGetExchangesQuery()
  const [params, setParams] = useSearchParams()
  const rows = useMemo(
    () =>
      (exchanges ?? [])
        .flatMap(({ exchange, pairs, increments }) =>
          pairs.map((pair) => ({
            exchange,
            pair,
            digits: digitsOf(increments[pair]?.tick_size ?? ZERO),
          })),
        )
        .sort((a, b) => a.pair.localeCompare(b.pair) || a.exchange.localeCompare(b.exchange)),
    [exchanges],
  )
  const selected = rows.find((row) => rowKey(row) === params.get('of')) ?? rows[0]
  const freq = (params.get('freq') ?? '1h') as Freq
  const set = (name: string, value: string) =>
    setParams(
      (known) => {
        known.set(name, value)
        return known
      },
      { replace: true },
    )
  if (error !== undefined && exchanges === undefined)
    return <ErrorNote error={error} retry={() => void refetch()} />
  if (exchanges === undefined) return <Skeleton variant="rounded" height={400} />
  if (selected === undefined)
    return (
      <Card>
        <Empty text="No pair is known yet: xWrap has not reached an exchange. Its state is in the line at the bottom." />
      </Card>
    )
  const tick =
    exchanges.find(({ exchange }) => exchange === selected.exchange)?.increments[selected.pair]
      ?.tick_size ?? ZERO
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 3,
        gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 1fr) 320px' },
        alignItems: 'start',
      }}
    >
      <Box sx={{ display: 'grid', gap: 3, minWidth: 0 }}>
        <Pairs
          rows={rows}
          many={exchanges.length > 1}
          selected={rowKey(selected)}
          onOpen={(row) => set('of', rowKey(row))}
        />
        <CandleCard
          row={selected}
          freq={freq in FREQS ? freq : '1h'}
          onFreq={(next) => set('freq', next)}
        />
        <Venues exchanges={exchanges} />
      </Box>
      <Box sx={{ display: 'grid', gap: 3, minWidth: 0 }}>
        <Ladder
          key={rowKey(selected)}
          exchange={selected.exchange}
          pair={selected.pair}
          tick={tick}
        />
        <Prints row={selected} />
      </Box>
    </Box>
  )
}

function Price({ row, side }: { row: Row; side: 'bid' | 'ask' }) {
  const ticker = useAppSelector((state) => selectTicker(state, row.exchange, row.pair))
  const { fresh } = useFreshness(row.exchange, row.pair)
  const price = ticker?.[side]
  return <Flashing text={price ? grouped(price, { min: row.digits }) : DASH} stale={!fresh} />
}

function Spread({ row }: { row: Row }) {
  const ticker = useAppSelector((state) => selectTicker(state, row.exchange, row.pair))
  const { fresh } = useFreshness(row.exchange, row.pair)
  if (!fresh || !ticker?.bid || !ticker.ask) return <>{DASH}</>
  return <Num value={subtract(ticker.ask, ticker.bid)} digits={{ min: row.digits }} />
}

/** How old a price is: greyed, with the reason, where it may not be true any more. */
function Age({ row }: { row: Row }) {
  const ticker = useAppSelector((state) => selectTicker(state, row.exchange, row.pair))
  const { fresh, why, since } = useFreshness(row.exchange, row.pair)
  const now = useNow()
  if (fresh) return ticker ? <Ago at={wireTime(ticker.time)} /> : <>{DASH}</>
  return (
    <Tooltip title={`${why}${since === null ? '' : `, since ${utc(since)}`}`}>
      <span>
        <Word tone="warn">stale{since === null ? '' : ` ${duration(now - since)}`}</Word>
      </span>
    </Tooltip>
  )
}

function Edge({ row, among }: { row: Row; among: readonly Row[] }) {
  const tickers = useAppSelector(selectTickers)
  const live = useAppSelector(selectConnection) === 'live'
  const best = between(
    among.filter(({ pair }) => pair === row.pair).map((each) => tickers[rowKey(each)]),
  )
  if (!live || !best?.edge) return <>{DASH}</>
  return (
    <Tooltip
      title={`Best bid ${grouped(best.bid)} on ${best.bidAt}, best ask ${grouped(best.ask)} on ${best.askAt}`}
    >
      <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
        {grouped(best.edge, { max: 2, min: 2 })}
      </Box>
    </Tooltip>
  )
}

function Subscribe({ row }: { row: Row }) {
  useTopic('ticker', row.exchange, row.pair)
  return null
}

function Pairs({
  rows,
  many,
  selected,
  onOpen,
}: {
  rows: Row[]
  many: boolean
  selected: string
  onOpen: (row: Row) => void
}) {
  const columns = useMemo<Column<Row>[]>(
    () => [
      {
        name: 'Pair',
        width: 'minmax(128px, 1fr)',
        cell: ({ pair, exchange }) => (
          <>
            <strong>{pairName(pair)}</strong>{' '}
            <Box component="span" sx={{ color: 'text.secondary' }}>
              {exchange}
            </Box>
          </>
        ),
      },
      {
        name: 'Bid',
        width: 'minmax(92px, 0.5fr)',
        number: true,
        cell: (row) => <Price row={row} side="bid" />,
      },
      {
        name: 'Ask',
        width: 'minmax(92px, 0.5fr)',
        number: true,
        cell: (row) => <Price row={row} side="ask" />,
      },
      { name: 'Spread', width: '80px', number: true, cell: (row) => <Spread row={row} /> },
      ...(many
        ? [
            {
              name: 'Between venues, bp',
              width: '130px',
              number: true,
              cell: (row: Row) => <Edge row={row} among={rows} />,
            },
          ]
        : []),
      { name: 'Age', width: '90px', number: true, cell: (row) => <Age row={row} /> },
    ],
    [many, rows],
  )
  return (
    <Card title="Pairs">
      {rows.map((row) => (
        <Subscribe key={rowKey(row)} row={row} />
      ))}
      <Table
        label="Pairs"
        columns={columns}
        rows={rows}
        keyOf={rowKey}
        selected={selected}
        onOpen={onOpen}
        height="420px"
      />
    </Card>
  )
}

function CandleCard({ row, freq, onFreq }: { row: Row; freq: Freq; onFreq: (freq: Freq) => void }) {
  // A new period begins when a candle is complete, not at each drawing.
  const start = Math.floor(useNow() / 1000 / 3600) * 3600 - FREQS[freq] * CANDLES
  useTopic('candles', row.exchange, row.pair)
  const { currentData, error, isFetching, refetch } = useGetCandlesQuery({
    exchange: row.exchange,
    pair: row.pair,
    freq,
    start,
  })
  const name = `${pairName(row.pair)} on ${row.exchange}`
  return (
    <Card
      title={
        <>
          {name}{' '}
          <Box component="span" sx={{ color: 'text.secondary', fontWeight: 400 }}>
            {quoteOf(row.pair)}
          </Box>
        </>
      }
      action={
        <ToggleButtonGroup
          exclusive
          size="small"
          value={freq}
          aria-label="Length of a candle"
          onChange={(_, next: Freq | null) => next && onFreq(next)}
        >
          {Object.keys(FREQS).map((each) => (
            <ToggleButton key={each} value={each} sx={{ py: 0.5 }}>
              {each}
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
      }
    >
      <ErrorNote error={error} retry={() => void refetch()} />
      {currentData === undefined ? (
        error === undefined && <Skeleton variant="rounded" height={340} />
      ) : currentData.points.length === 0 ? (
        <Empty text={isFetching ? 'Asking for candles …' : 'No candles are stored of this time.'} />
      ) : (
        <Suspense fallback={<Skeleton variant="rounded" height={340} />}>
          <CandleChart candles={currentData} name={name} />
        </Suspense>
      )}
    </Card>
  )
}

const PRINTS: Column<TradeMessage>[] = [
  { name: 'When', width: '72px', cell: (print) => <Ago at={wireTime(print.time)} /> },
  {
    name: 'Price',
    width: 'minmax(72px, 1fr)',
    number: true,
    cell: (print) => (
      <Word tone={print.taker_side === 'buy' ? 'good' : 'bad'}>
        {print.taker_side === 'buy' ? '▲' : '▼'} <Num value={print.price} />
      </Word>
    ),
  },
  {
    name: 'Size',
    width: 'minmax(72px, 1fr)',
    number: true,
    cell: (print) => <Num value={print.size} digits={{ max: 4, min: 4 }} />,
  },
]

function Prints({ row }: { row: Row }) {
  useTopic('trades', row.exchange, row.pair)
  const prints = useAppSelector((state) => selectPrints(state, row.exchange, row.pair)) ?? []
  return (
    <Card title="Trades of the market">
      {prints.length === 0 ? (
        <Empty text="None since this page was opened." />
      ) : (
        <Table
          label="Trades of the market"
          height="260px"
          rows={prints}
          keyOf={(print) => print.trade_id}
          columns={PRINTS}
        />
      )}
    </Card>
  )
}
