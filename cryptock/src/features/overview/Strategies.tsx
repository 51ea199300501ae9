/** What the runs of each strategy have come to. */
import { Box, Skeleton, Typography } from '@mui/material'
import { amount, sign } from '@/shared/amount'
import { useGetPerformanceQuery } from '@/shared/api/cryptick'
import { asProblem } from '@/shared/api/problem'
import type { Performance } from '@/shared/api/runs'
import { change, dollars } from '@/shared/format'
import { ModeWord } from '@/shared/ui/Mode'
import { Card, Empty, ErrorNote, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'

const REFRESH_MS = 30_000

export function Strategies() {
  const { data, error, refetch } = useGetPerformanceQuery(undefined, {
    pollingInterval: REFRESH_MS,
  })
  const untold = error !== undefined && asProblem(error).status === 404
  return (
    <Card title="Performance by strategy">
      {untold ? (
        <Empty text="This Cryptick does not sum up its runs: a newer one does." />
      ) : (
        <ErrorNote error={error} retry={() => void refetch()} />
      )}
      {data === undefined
        ? error === undefined && <Skeleton variant="rounded" height={160} />
        : data.length === 0 && <Empty text="No strategy has been run yet." />}
      {data !== undefined && data.length > 0 && (
        <>
          <Table
            label="Performance by strategy"
            rows={data}
            keyOf={({ strategy, mode, currency }) => `${strategy} ${mode} ${currency ?? ''}`}
            columns={COLUMNS}
            height="420px"
          />
          <Typography variant="caption" color="textSecondary">
            Return is that of all its runs together, Sharpe their mean, drawdown the deepest of one.
          </Typography>
        </>
      )}
    </Card>
  )
}

const COLUMNS: Column<Performance>[] = [
  { name: 'Strategy', width: 'minmax(130px, 1fr)', cell: ({ strategy }) => strategy },
  { name: 'Mode', width: '84px', cell: ({ mode }) => <ModeWord mode={mode} /> },
  {
    name: 'Runs',
    width: 'minmax(120px, 1fr)',
    cell: ({ runs, running, failed }) => (
      <>
        {runs}
        {running > 0 && <Word tone="good"> {running} running</Word>}
        {failed > 0 && <Word tone="bad"> {failed} failed</Word>}
      </>
    ),
  },
  number('Return', ({ total_return }) => <Gain of={total_return} />),
  number('Best run', ({ best }) => <Gain of={best} />),
  number('Worst run', ({ worst }) => <Gain of={worst} />),
  number('Sharpe', ({ sharpe }) => plain(sharpe, 2)),
  number('Drawdown', ({ max_drawdown }) =>
    plain(max_drawdown === null ? null : max_drawdown * 100, 2, ' %'),
  ),
  number('Fees', ({ fees_paid }) => (
    <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
      {Object.entries(fees_paid)
        .map(([currency, fee]) => `${dollars(fee)} ${currency}`)
        .join(', ') || '–'}
    </Box>
  )),
  number('Orders', ({ orders }) => plain(orders, 0)),
  number('Trades', ({ trades }) => plain(trades, 0)),
]

function number(name: string, cell: Column<Performance>['cell']): Column<Performance> {
  return { name, width: 'minmax(92px, 1fr)', number: true, cell }
}

/** A ratio; a dim dash where it can't be computed. */
function plain(value: number | null, digits: number, unit = '') {
  return (
    <Box
      component="span"
      sx={{ fontFamily: (t) => t.numbers, ...(value === null && { color: 'text.secondary' }) }}
    >
      {value === null ? '–' : `${value.toFixed(digits)}${unit}`}
    </Box>
  )
}

function Gain({ of }: { of: number | null }) {
  if (of === null) return plain(null, 2)
  const percent = amount((of * 100).toFixed(2))
  const tone = sign(percent) > 0 ? 'good' : sign(percent) < 0 ? 'bad' : 'dim'
  return (
    <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
      <Word tone={tone}>{sign(percent) === 0 ? '0.00' : change(percent)} %</Word>
    </Box>
  )
}
