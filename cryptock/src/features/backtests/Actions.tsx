/** What can be done with a run's report. */
import Download from '@mui/icons-material/Download'
import OpenInNew from '@mui/icons-material/OpenInNew'
import Replay from '@mui/icons-material/Replay'
import { Box, Button } from '@mui/material'
import { Link, useNavigate } from 'react-router'
import type { Run } from '@/shared/api/runs'
import { SERVICES } from '@/shared/api/request'
import { selectCanTrade } from '@/shared/api/session'
import { useAppSelector } from '@/shared/hooks'
import { ErrorNote } from '@/shared/ui/parts'
import { useOpenPageMutation, useRunAgainMutation } from './api'

export function Actions({ run, hasReport }: { run: Run; hasReport: boolean }) {
  const navigate = useNavigate()
  const mayTrade = useAppSelector(selectCanTrade)
  const [again, { isLoading, error }] = useRunAgainMutation()
  const runAgain = async () => {
    const answer = await again(run.run_id)
    if (answer.data) void navigate(`/backtests/${answer.data.run_id}?again=${run.run_id}`)
  }
  const isBacktest = run.mode === 'backtest'
  return (
    <Box sx={{ display: 'grid', justifyItems: { sm: 'end' }, minWidth: 0 }}>
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2 }}>
        {hasReport && <PageButtons of={{ run_id: run.run_id }} />}
        {mayTrade && isBacktest && (
          <Button component={Link} to={`/?from=${run.run_id}`} variant="outlined">
            Change and run
          </Button>
        )}
        {mayTrade && isBacktest && (
          <Button
            variant="contained"
            startIcon={<Replay />}
            loading={isLoading}
            loadingPosition="start"
            disabled={run.running}
            onClick={() => void runAgain()}
          >
            Run again
          </Button>
        )}
      </Box>
      <ErrorNote error={error} />
    </Box>
  )
}

/** The page that was written at the end: to open, or to keep. */
export function PageButtons({ of }: { of: { run_id: string } | { sweep_id: string } }) {
  const [open, { error }] = useOpenPageMutation()
  const act = async (show: (address: string) => void) => {
    const answer = await open(of)
    if (answer.data) show(`${SERVICES.cryptick}${answer.data.path}`)
  }
  const name = 'run_id' in of ? of.run_id : of.sweep_id
  return (
    <>
      <Button
        variant="outlined"
        startIcon={<OpenInNew />}
        onClick={() => void act((address) => window.open(address, '_blank', 'noopener'))}
      >
        Open as a file
      </Button>
      <Button
        variant="outlined"
        startIcon={<Download />}
        onClick={() =>
          void act((href) =>
            Object.assign(document.createElement('a'), { href, download: `${name}.html` }).click(),
          )
        }
      >
        Download
      </Button>
      <ErrorNote error={error} />
    </>
  )
}
