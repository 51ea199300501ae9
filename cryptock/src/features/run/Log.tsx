/** What a run has written into its log, followed as it writes on. */
import { Skeleton } from '@mui/material'
import { ErrorNote } from '@/shared/ui/parts'
import { LogLines } from '@/shared/ui/LogLines'
import { useLog } from './useLog'

export function Log({ runId }: { runId: string }) {
  const { lines, asked, error, older } = useLog(runId)
  if (!asked && error === undefined) return <Skeleton variant="rounded" height={120} />
  return (
    <>
      <ErrorNote error={error} />
      {asked && (
        <LogLines
          label="Log of this run"
          lines={lines}
          height="420px"
          empty="Nothing has been logged yet. Lines appear here as the run writes them."
          older={older}
        />
      )}
    </>
  )
}
