/** The newest runs: what they trade with, whether they go on, and what they have won. */
import { Box, Button, LinearProgress, Skeleton, Typography } from '@mui/material'
import { Link } from 'react-router'
import { type Amount, amount, basisPoints, isZero, multiply, rounded, sign } from '@/shared/amount'
import { useGetRunsQuery, useGetSparklinesQuery } from '@/shared/api/cryptick'
import type { RunSummary } from '@/shared/api/runs'
import { change, DASH, wireTime } from '@/shared/format'
import { ModeWord } from '@/shared/ui/Mode'
import { Ago, Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { StateWord } from '@/shared/ui/RunState'
import { Sparkline } from '@/shared/ui/Sparkline'

const SHOWN = 8
const SPARKLINES_MS = 60_000

/** By how much a run has grown, in percent; null where that is not known yet. */
export function growth({ initial_equity: initial, equity }: RunSummary): Amount | null {
  if (!initial || !equity) return null
  const points = basisPoints(initial, equity)
  return points && multiply(points, amount('0.01'))
}

export function RecentRuns({ onStart }: { onStart: () => void }) {
  const { data, error, refetch } = useGetRunsQuery()
  const { data: sparklines = {} } = useGetSparklinesQuery(undefined, {
    pollingInterval: SPARKLINES_MS,
  })
  return (
    <Card title="Recent runs">
      <ErrorNote error={error} retry={() => void refetch()} />
      {data === undefined ? (
        error === undefined && <Skeleton variant="rounded" height={200} />
      ) : data.length === 0 ? (
        <Empty text="Nothing has run yet. A backtest needs no money and takes seconds.">
          <Button variant="outlined" onClick={onStart}>
            Start a backtest
          </Button>
        </Empty>
      ) : (
        <Box component="ul" aria-label="Recent runs" sx={{ listStyle: 'none', m: 0, p: 0 }}>
          {data.slice(0, SHOWN).map((run) => (
            <Row key={run.run_id} run={run} curve={sparklines[run.run_id] ?? []} />
          ))}
        </Box>
      )}
    </Card>
  )
}

function Row({ run, curve }: { run: RunSummary; curve: readonly number[] }) {
  const won = growth(run)
  const name = run.label || run.strategy
  const { progress, error, detail } = run
  return (
    <Box
      component="li"
      sx={{ borderTop: 1, borderColor: 'divider', '&:first-of-type': { borderTop: 0 } }}
    >
      <Box
        component={Link}
        to={`/runs/${run.run_id}`}
        sx={{
          display: 'grid',
          gridTemplateColumns: 'minmax(0, 1fr) auto minmax(88px, auto)',
          columnGap: 3,
          alignItems: 'center',
          py: 2,
          px: 2,
          mx: -2,
          borderRadius: '6px',
          color: 'inherit',
          textDecoration: 'none',
          fontSize: 13,
          '&:hover': { bgcolor: 'action.hover' },
        }}
      >
        <Box sx={{ minWidth: 0 }}>
          <Typography variant="body1" noWrap sx={{ fontWeight: 600 }}>
            {name}{' '}
            <Box
              component="span"
              sx={{
                color: 'text.secondary',
                fontSize: 12,
                fontWeight: 400,
                display: { xs: run.label ? 'inline' : 'none', sm: 'inline' },
              }}
            >
              {run.run_id}
            </Box>
          </Typography>
          <Box sx={{ display: 'flex', gap: 2, flexWrap: 'wrap' }}>
            <StateWord state={run.state} />
            <ModeWord mode={run.mode} />
            <Box component="span" sx={{ color: 'text.secondary' }}>
              <Ago at={wireTime(run.started_at)} />
            </Box>
          </Box>
        </Box>
        {curve.length > 1 && (
          <Box sx={{ width: { xs: 44, sm: 72 } }}>
            <Sparkline values={curve} label={`Equity of ${name}`} />
          </Box>
        )}
        <Box
          sx={{
            gridColumn: 3,
            textAlign: 'right',
            fontFamily: (t) => t.numbers,
            whiteSpace: 'nowrap',
            color: ({ tokens }) =>
              won === null || sign(won) === 0
                ? tokens.dim
                : sign(won) > 0
                  ? tokens.gain
                  : tokens.loss,
          }}
        >
          {won !== null && (isZero(rounded(won, 2)) ? DASH : `${change(won)} %`)}
        </Box>
        {run.running && typeof progress === 'number' && (
          <LinearProgress
            variant="determinate"
            value={progress * 100}
            aria-label={`Progress of ${name}`}
            sx={{ gridColumn: '1 / -1', mt: 2 }}
          />
        )}
        {[error, detail].map(
          (told) =>
            told && (
              <Typography
                key={told}
                variant="body2"
                sx={{
                  gridColumn: '1 / -1',
                  mt: 1,
                  color: ({ tokens }) => (told === error ? tokens.loss : tokens.warn),
                }}
              >
                {told}
              </Typography>
            ),
        )}
      </Box>
    </Box>
  )
}
