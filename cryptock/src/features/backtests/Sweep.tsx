/** What a sweep has come to: where it was good, and what choosing would have been worth. */
import { Alert, Box, LinearProgress, Skeleton, Typography } from '@mui/material'
import { useMemo, useState } from 'react'
import { useParams } from 'react-router'
import { count, duration, wireTime } from '@/shared/format'
import { useNow } from '@/shared/hooks'
import { Card, Empty, ErrorNote, Word } from '@/shared/ui/parts'
import { type SweepDetail, useGetSweepPointsQuery, useGetSweepQuery } from './api'
import { PageButtons } from './Actions'
import { Command } from './Command'
import { trialsOf, type Trial } from './heat'
import { HeatCard } from './HeatCard'
import { SWEEP_TONES } from './SweepList'
import { To } from './To'
import { OBJECTIVES, TrialSheet, TrialTable } from './trials'
import { WalkForward } from './WalkForward'
import { period } from './words'

const LOOK_MS = 2000

export function Sweep() {
  const { sweepId = '' } = useParams()
  const [isOver, setOver] = useState(false)
  const pollingInterval = isOver ? 0 : LOOK_MS
  const { currentData: detail, error, refetch } = useGetSweepQuery(sweepId, { pollingInterval })
  const over = detail !== undefined && detail.sweep.state !== 'running'
  if (over !== isOver) setOver(over)
  const {
    currentData: page,
    error: noPoints,
    refetch: askPoints,
  } = useGetSweepPointsQuery(sweepId, { pollingInterval })
  const [opened, setOpened] = useState<readonly Trial[]>([])
  const { flags, trials } = useMemo(
    () => (page ? trialsOf(page) : { flags: [], trials: [] }),
    [page],
  )
  if (detail === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={400} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  const { sweep } = detail
  return (
    <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: 'minmax(0, 1fr)' }}>
      <Head detail={detail} />
      <ErrorNote error={error} retry={() => void refetch()} />
      {sweep.state !== 'finished' && <Progress detail={detail} />}
      {detail.warnings.length > 0 && (
        <Alert severity="warning" variant="outlined">
          <strong>Mind how to read this.</strong>{' '}
          {detail.warnings.map((each) => (/[.!?]$/.test(each) ? each : `${each}.`)).join(' ')}
        </Alert>
      )}
      <ErrorNote error={noPoints} retry={() => void askPoints()} />
      {page === undefined ? (
        noPoints === undefined && <Skeleton variant="rounded" height={300} />
      ) : trials.length === 0 ? (
        <Card>
          <Empty text="No trial is done yet: they appear here by themselves." />
        </Card>
      ) : (
        <>
          <HeatCard sweep={sweep} flags={flags} trials={trials} onOpen={setOpened} />
          <WalkForward detail={detail} />
          <TrialTable
            sweep={sweep}
            flags={flags}
            trials={trials}
            onOpen={(trial) => setOpened([trial])}
          />
        </>
      )}
      <TrialSheet detail={detail} trials={opened} onClose={() => setOpened([])} />
    </Box>
  )
}

function Head({ detail }: { detail: SweepDetail }) {
  const { sweep, points } = detail
  const [start, end] = sweep.period
  return (
    <Box
      component="header"
      sx={{ display: 'flex', flexWrap: 'wrap', gap: 3, alignItems: 'flex-start' }}
    >
      <Box sx={{ flex: 1, minWidth: 260 }}>
        <Typography variant="body2" color="textSecondary">
          <To to="/backtests?tab=sweeps">Sweeps</To> · {sweep.sweep_id} ·{' '}
          <Word tone={SWEEP_TONES[sweep.state]}>{sweep.state}</Word>
        </Typography>
        <Typography variant="h1">{sweep.strategy}</Typography>
        <Typography variant="body2" color="textSecondary">
          {count(points, 'point')}, searched by {sweep.search} for the best{' '}
          {OBJECTIVES[sweep.objective]} · {period(start * 1000, end * 1000)}
        </Typography>
      </Box>
      {sweep.state === 'finished' && (
        <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2 }}>
          <PageButtons of={{ sweep_id: sweep.sweep_id }} />
        </Box>
      )}
    </Box>
  )
}

function Progress({ detail: { sweep } }: { detail: SweepDetail }) {
  const now = useNow()
  const { done, trials, state, started_at, sweep_id } = sweep
  if (state === 'interrupted')
    return (
      <Alert severity="warning" variant="outlined">
        <strong>This sweep was interrupted</strong>
        {trials > 0 && ` after ${done} of ${count(trials, 'trial')}`}. Nothing is lost; go on with:
        <Box sx={{ mt: 2 }}>
          <Command text={`python -m cryptick.sweep --resume ${sweep_id}`} />
        </Box>
      </Alert>
    )
  const passed = now - wireTime(started_at)
  const left = done > 0 && trials > done ? (passed / done) * (trials - done) : null
  return (
    <Card>
      <Typography variant="body2" sx={{ mb: 2 }}>
        {trials > 0 ? `${done} of ${count(trials, 'trial')}` : count(done, 'trial')} done
        {left !== null && `, about ${duration(left)} to go`}
      </Typography>
      <LinearProgress
        aria-label="Progress of the sweep"
        {...(trials > 0 ? { variant: 'determinate', value: (done / trials) * 100 } : {})}
      />
    </Card>
  )
}
