/** The messages of each run, as they go through its hub and as they went. */
import { Box, Button, Skeleton } from '@mui/material'
import { useSearchParams } from 'react-router'
import { useGetRunsQuery } from '@/shared/api/cryptick'
import type { RunSummary } from '@/shared/api/runs'
import { wireTime } from '@/shared/format'
import { Messages } from '@/shared/hub/Messages'
import { ModeWord } from '@/shared/ui/Mode'
import { Ago, Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { StateWord } from '@/shared/ui/RunState'

const RUNS_SHOWN = 200

export function Hub() {
  const { data: runs, error, refetch } = useGetRunsQuery()
  const [params, setParams] = useSearchParams()
  if (error !== undefined) return <ErrorNote error={error} retry={() => void refetch()} />
  if (runs === undefined) return <Skeleton variant="rounded" height={400} />
  const first = runs.find(({ running }) => running) ?? runs[0]
  if (first === undefined)
    return (
      <Card title="Messages">
        <Empty text="No run has been started yet: what strategies hear and say is shown here." />
      </Card>
    )
  const runId = params.get('run') ?? first.run_id
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 3,
        gridTemplateColumns: { xs: 'minmax(0, 1fr)', md: '280px minmax(0, 1fr)' },
        alignItems: 'start',
      }}
    >
      <Card title="Runs">
        <Box
          component="nav"
          aria-label="Runs"
          sx={{
            display: 'grid',
            gap: 1,
            maxHeight: { xs: 160, md: 'calc(100dvh - 160px)' },
            overflow: 'auto',
          }}
        >
          {runs.slice(0, RUNS_SHOWN).map((run) => (
            <RunButton
              key={run.run_id}
              run={run}
              here={run.run_id === runId}
              onOpen={() => setParams({ run: run.run_id })}
            />
          ))}
        </Box>
      </Card>
      <Card title={`Messages of ${runId}`}>
        <Messages key={runId} runId={runId} height="calc(100dvh - 240px)" />
      </Card>
    </Box>
  )
}

function RunButton({ run, here, onOpen }: { run: RunSummary; here: boolean; onOpen: () => void }) {
  return (
    <Button
      color="inherit"
      aria-current={here}
      onClick={onOpen}
      sx={{
        display: 'grid',
        gridTemplateColumns: '1fr auto',
        textAlign: 'left',
        fontWeight: here ? 650 : 400,
        ...(here && { bgcolor: 'action.selected' }),
      }}
    >
      <span>{run.label || run.run_id}</span>
      <StateWord state={run.state} />
      <Box component="span" sx={{ fontSize: 12, color: 'text.secondary' }}>
        <Ago at={wireTime(run.started_at)} />
      </Box>
      <ModeWord mode={run.mode} />
    </Button>
  )
}
