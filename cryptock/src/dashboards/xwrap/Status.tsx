/** How xWrap is: its exchanges, their pairs, and its log. */
import { Box, Skeleton } from '@mui/material'
import { Logs } from '@/features/logs/Logs'
import type { Exchange, PairHealth } from '@/shared/api/wire'
import { useGetExchangesQuery, useGetHealthQuery } from '@/shared/api/xwrap'
import { DASH, duration, pairName, wireTime } from '@/shared/format'
import { HEALTH_MS } from '@/shared/live/freshness'
import { Ago, Card, ErrorNote, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'
import { Venues } from '@/shared/ui/Venues'

interface Row extends PairHealth {
  exchange: string
  pair: string
}

const COLUMNS: Column<Row>[] = [
  { name: 'Exchange', width: '96px', cell: ({ exchange }) => exchange },
  { name: 'Pair', width: '96px', cell: ({ pair }) => pairName(pair) },
  {
    name: 'Book',
    width: 'minmax(90px, 1fr)',
    cell: ({ state, reason }) => (
      <Word tone={state === 'live' ? 'good' : 'warn'}>
        {state === 'live' ? 'live' : reason || state}
      </Word>
    ),
  },
  { name: 'Since', width: '96px', cell: ({ since }) => <Ago at={wireTime(since)} /> },
  {
    name: 'Last message',
    width: '104px',
    number: true,
    cell: ({ last_message_age_s: age_s }) => (age_s === null ? DASH : duration(age_s * 1000)),
  },
]

export function Status() {
  const { data: exchanges, error, refetch } = useGetExchangesQuery()
  return (
    <Box sx={{ display: 'grid', gap: 3 }}>
      <ErrorNote error={error} retry={() => void refetch()} />
      {exchanges === undefined ? (
        <Skeleton variant="rounded" height={180} />
      ) : (
        <Box
          sx={{
            display: 'grid',
            gap: 3,
            gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 1fr) minmax(0, 1fr)' },
          }}
        >
          <Venues exchanges={exchanges} />
          <Pairs exchanges={exchanges} />
        </Box>
      )}
      <Logs />
    </Box>
  )
}

function Pairs({ exchanges }: { exchanges: Exchange[] }) {
  const { data: health } = useGetHealthQuery(undefined, { pollingInterval: HEALTH_MS })
  const rows = exchanges.flatMap(({ exchange }) =>
    Object.entries(health?.exchanges[exchange]?.pairs ?? {}).map(([pair, state]) => ({
      exchange,
      pair,
      ...state,
    })),
  )
  return (
    <Card title="Books">
      <Table
        label="Books"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ exchange, pair }) => `${exchange}:${pair}`}
        height="260px"
      />
    </Card>
  )
}
