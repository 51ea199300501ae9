/** What everything is worth over time, and which run holds how much of it. */
import { Box, Link, Skeleton, ToggleButton, ToggleButtonGroup, Typography } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { useMemo, useState } from 'react'
import { Link as RouterLink } from 'react-router'
import { type Amount, isZero, share, subtract, sum } from '@/shared/amount'
import { useGetRunsQuery } from '@/shared/api/cryptick'
import type { Wallets } from '@/shared/api/wire'
import { useGetHistoriesQuery, useGetWalletsQuery } from '@/shared/api/xwrap'
import { assetColour } from '@/shared/theme'
import { curveColours } from '@/shared/ui/curves'
import { EquityChart } from '@/shared/ui/EquityChart'
import { Legend } from '@/shared/ui/Legend'
import { Card, Empty, ErrorNote, Num } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { valueOverTime } from '@/shared/wallets/history'
import { Total } from '@/shared/wallets/Total'
import { currenciesOf, type Holding, holdings } from './holdings'

/** The wallet set in which xWrap has all funds at the exchanges, allocated or not. */
const EVERYTHING = 1
const CURVES_MAX = 8
const HISTORY_MS = 60_000 // wallets are kept once a minute

export function Money() {
  const { data, error, refetch } = useGetWalletsQuery()
  if (data === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={400} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  return (
    <>
      <Box
        sx={{
          display: 'grid',
          gap: 3,
          gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 2fr) minmax(0, 5fr)' },
        }}
      >
        <Total title="All funds" wallets={data} />
        <Equity wallets={data} />
      </Box>
      <Distribution wallets={data} />
    </>
  )
}

function Equity({ wallets: { sets } }: { wallets: Wallets }) {
  const [which, setWhich] = useState<'all' | 'runs'>('all')
  const shown = sets.toSorted((a, b) => b.id - a.id).slice(0, CURVES_MAX)
  const ids = which === 'all' ? [EVERYTHING] : shown.map(({ id }) => id)
  const { currentData, error, refetch } = useGetHistoriesQuery(ids, { pollingInterval: HISTORY_MS })
  // What wallets hold changes all the time; what they are called does not, and only that is drawn.
  const names = JSON.stringify(sets.map(({ id, run_id }) => [id, run_id ?? '']))
  const curves = useMemo(() => {
    const named = new Map(JSON.parse(names) as [number, string][]).set(EVERYTHING, 'everything')
    return (currentData ?? [])
      .map((history) => ({
        name: named.get(history.id) ?? '',
        points: valueOverTime(history).map(({ time, value }) => [time * 1000, value] as const),
      }))
      .filter(({ points }) => points.length > 0)
  }, [currentData, names])
  return (
    <Card
      title="Equity, USD"
      action={
        <ToggleButtonGroup
          exclusive
          size="small"
          value={which}
          aria-label="Equity of"
          onChange={(_, next: typeof which | null) => next && setWhich(next)}
        >
          <ToggleButton value="all">everything</ToggleButton>
          <ToggleButton value="runs">each run</ToggleButton>
        </ToggleButtonGroup>
      }
    >
      <ErrorNote error={error} retry={() => void refetch()} />
      {currentData === undefined ? (
        error === undefined && <Skeleton variant="rounded" height={220} />
      ) : curves.length === 0 ? (
        <Empty
          text={
            which === 'runs' && sets.length === 0
              ? 'No run holds anything.'
              : 'Nothing is known yet: what wallets hold is kept once a minute.'
          }
        />
      ) : (
        <EquityChart curves={curves} height={220} currency="USD" />
      )}
      {which === 'runs' && sets.length > CURVES_MAX && (
        <Typography variant="caption" color="textSecondary">
          The newest {CURVES_MAX} of {sets.length}.
        </Typography>
      )}
    </Card>
  )
}

function Distribution({ wallets }: { wallets: Wallets }) {
  const theme = useTheme()
  const { data: runs } = useGetRunsQuery()
  const held = useMemo(() => holdings(wallets), [wallets])
  const ofRuns = held.filter(({ id }) => id !== null)
  const allocated = sum(ofRuns.map(({ usd }) => usd))
  const colours = curveColours(theme)
  const main = ofRuns.slice(0, colours.length - 1)
  const rest = subtract(allocated, sum(main.map(({ usd }) => usd)))
  const parts = [
    ...main.map(({ runId, usd }, index) => ({
      name: runId,
      usd,
      colour: colours[index] ?? theme.tokens.dim,
    })),
    ...(isZero(rest) ? [] : [{ name: 'others', usd: rest, colour: theme.tokens.dim }]),
  ]
  const strategyOf = (runId: string) => runs?.find(({ run_id }) => run_id === runId)?.strategy
  const total = worthOf(held)
  const columns: Column<Holding>[] = [
    {
      name: 'For',
      width: 'minmax(130px, 1fr)',
      cell: ({ id, runId }) =>
        id === null ? (
          <em>unallocated</em>
        ) : strategyOf(runId) === undefined ? (
          runId
        ) : (
          <Link component={RouterLink} to={`/runs/${runId}`}>
            {runId}
          </Link>
        ),
    },
    {
      name: 'Strategy',
      width: 'minmax(120px, 1fr)',
      cell: ({ runId }) => strategyOf(runId) ?? '',
    },
    {
      name: 'Held in',
      width: '120px',
      cell: (holding) => <Bar parts={assets(holding)} whole={holding.usd} height={8} />,
    },
    amountColumn('Worth, USD', 120, ({ usd }) => <Num value={usd} digits={{ max: 2, min: 2 }} />),
    amountColumn('Share', 64, ({ usd }) => percent(share(usd, total))),
    ...currenciesOf(held).map((currency) =>
      amountColumn(currency, 110, ({ byCurrency }) => {
        const balance = byCurrency.get(currency)?.balance
        return balance === undefined ? '' : <Num value={balance} digits={{ max: 8 }} />
      }),
    ),
  ]
  return (
    <Card title="Who holds what">
      {ofRuns.length === 0 ? (
        <Typography variant="body2" color="textSecondary" sx={{ mb: 2 }}>
          No run holds anything: all is unallocated.
        </Typography>
      ) : (
        <>
          <Bar parts={parts} whole={allocated} height={16} />
          <Box sx={{ mt: 2 }}>
            <Legend
              entries={parts.map(({ name, usd, colour }) => ({
                name: `${name} ${percent(share(usd, allocated))}`,
                colour,
              }))}
            />
          </Box>
        </>
      )}
      <Table
        label="Wallets by run"
        rows={held}
        keyOf={({ id }) => id ?? 0}
        columns={columns}
        height="420px"
      />
    </Card>
  )
}

const worthOf = (held: readonly Holding[]): Amount => sum(held.map(({ usd }) => usd))

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`

function amountColumn(name: string, px: number, cell: Column<Holding>['cell']): Column<Holding> {
  return { name, width: `minmax(${px}px, 1fr)`, number: true, cell }
}

const assets = ({ byCurrency }: Holding) =>
  [...byCurrency].flatMap(([name, { usd }]) =>
    usd === null ? [] : [{ name, usd, colour: assetColour(name) }],
  )

function Bar({
  parts,
  whole,
  height,
}: {
  parts: readonly { name: string; usd: Amount; colour: string }[]
  whole: Amount
  height: number
}) {
  return (
    <Box
      aria-hidden
      sx={{ display: 'flex', gap: '2px', height, borderRadius: '4px', overflow: 'hidden' }}
    >
      {parts.map(({ name, usd, colour }) => (
        <Box
          key={name}
          title={`${name} ${percent(share(usd, whole))}`}
          sx={{ bgcolor: colour }}
          style={{ width: `${share(usd, whole) * 100}%` }}
        />
      ))}
    </Box>
  )
}
