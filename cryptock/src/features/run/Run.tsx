/** The page of a run: how it stands, what its strategy shows, and all that it has done. */
import { Alert, Box, Button, Skeleton } from '@mui/material'
import { type ComponentType, Suspense } from 'react'
import { Link, useParams } from 'react-router'
import { useGetComponentsQuery, useGetRunQuery } from '@/shared/api/cryptick'
import type { Problem } from '@/shared/api/problem'
import type { Run as RunData } from '@/shared/api/runs'
import { useAppSelector } from '@/shared/hooks'
import { selectHub } from '@/shared/live/runs'
import { Ago, Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { type Kinds, Components } from './components/Components'
import { Failed } from './Failed'
import { Head } from './Head'
import { Records } from './Records'

export function Run({
  trackers,
  kinds,
}: {
  /** Bodies of the page, by the name of the strategy. */
  trackers: Readonly<Record<string, ComponentType<{ run: RunData }>>>
  kinds: Kinds
}) {
  const { runId = '' } = useParams()
  const { data: run, error, isLoading, refetch } = useGetRunQuery(runId)
  if (run === undefined)
    return isLoading ? (
      <Skeleton variant="rounded" height={400} aria-label="Asking for the run" />
    ) : (error as Problem | undefined)?.status === 404 ? (
      <Card>
        <Empty text={`There is no run ${runId}. It may have been deleted.`}>
          <Button component={Link} to="/" variant="outlined">
            See what runs there are
          </Button>
        </Empty>
      </Card>
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  return <Shown run={run} trackers={trackers} kinds={kinds} />
}

function Shown({
  run,
  trackers,
  kinds,
}: {
  run: RunData
  trackers: Parameters<typeof Run>[0]['trackers']
  kinds: Kinds
}) {
  const hub = useAppSelector(selectHub)
  // What has ended does not change: it is never out of date.
  const stale = run.running && hub.connection === 'lost'
  // Without new prices its worth is that of before.
  const held = run.running && Boolean(run.detail)
  const Tracker = trackers[run.strategy]
  return (
    <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: 'minmax(0, 1fr)' }}>
      {hub.connection === 'lost' && (
        <Alert severity="warning" variant="outlined">
          <strong>Cryptick can’t be reached.</strong>{' '}
          {run.running ? (
            <>
              What you see of this run is as it was <Ago at={hub.since} />. The run itself goes on
              without it; its open orders stand and may fill. The page connects again by itself.
            </>
          ) : (
            'This run has ended, so what you see is as it was left; nothing can be read anew.'
          )}
        </Alert>
      )}
      {run.running && run.detail && (
        <Alert severity="warning" variant="outlined">
          {run.detail}
        </Alert>
      )}
      <Head run={run} stale={stale || held} />
      {run.state === 'failed' && <Failed run={run} />}
      <Box
        sx={{
          display: 'grid',
          gap: 3,
          gridTemplateColumns: 'minmax(0, 1fr)',
          ...(stale && { filter: 'grayscale(1)' }),
        }}
      >
        {Tracker === undefined ? (
          <Body run={run} kinds={kinds} />
        ) : (
          <Suspense fallback={<Skeleton variant="rounded" height={400} />}>
            <Tracker run={run} />
          </Suspense>
        )}
        <Records run={run} />
      </Box>
    </Box>
  )
}

/** What a strategy shows that has no page body of its own. */
function Body({ run, kinds }: { run: RunData; kinds: Kinds }) {
  const { data: formats, error, refetch } = useGetComponentsQuery(run.run_id)
  if (formats === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={280} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  return <Components run={run} formats={formats} kinds={kinds} />
}
