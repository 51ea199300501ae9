/** What a run was worth, and how far below its highest. */
import { Skeleton, Typography } from '@mui/material'
import { useMemo } from 'react'
import { useGetEquityQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { wireTime } from '@/shared/format'
import { Empty, ErrorNote } from '@/shared/ui/parts'
import { type Curve, EquityChart } from '@/shared/ui/EquityChart'

type Points = Curve['points']

/** By how many percent each point is below the highest before it. */
export function drawdown(points: Points): Points {
  let highest = -Infinity
  return points.map(([ms, value]) => {
    highest = Math.max(highest, value)
    return [ms, highest > 0 ? (value / highest - 1) * 100 : 0] as const
  })
}

export function Equity({ run }: { run: Run }) {
  const { data, error, isLoading, refetch } = useGetEquityQuery(run.run_id)
  const points = useMemo<Points>(
    () => (data?.rows ?? []).map(([time = '', equity]) => [wireTime(time), Number(equity)]),
    [data],
  )
  const below = useMemo(() => drawdown(points), [points])
  if (isLoading) return <Skeleton variant="rounded" height={420} />
  if (points.length < 2)
    return (
      <>
        <ErrorNote error={error} retry={() => void refetch()} />
        <Empty
          text={
            run.running
              ? 'There is no curve yet: it begins with the second time that all it holds has a price.'
              : 'It has left no curve of its equity.'
          }
        />
      </>
    )
  const deepest = below.reduce((least, [, value]) => Math.min(least, value), 0)
  return (
    <>
      <EquityChart
        curves={[{ name: run.run_id, points }]}
        height={260}
        currency={run.currency ?? ''}
      />
      <Typography variant="h2" sx={{ mt: 4, mb: 2 }}>
        Drawdown{' '}
        <Typography component="span" variant="body2" color="textSecondary">
          deepest {deepest.toFixed(2).replace('-', '−')} % of the highest before
        </Typography>
      </Typography>
      <EquityChart
        curves={[{ name: run.run_id, points: below }]}
        height={140}
        currency="%"
        what="Drawdown"
      />
    </>
  )
}
