/** A run that was run again, beside the one before: the same to the digit, or why not. */
import { Alert, Box, LinearProgress } from '@mui/material'
import { useGetRunQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { progressOf, verdict } from './repeated'
import { To } from './To'

export function Again({ run, before }: { run: Run; before: string }) {
  const { data: other } = useGetRunQuery(before)
  if (other === undefined) return null
  const beside = <To to={`/compare?runs=${before},${run.run_id}`}>Compare them</To>
  if (run.running)
    return (
      <Alert severity="info" variant="outlined" icon={false} sx={{ '& > div': { width: '100%' } }}>
        Running {before} again: when it is done, its orders and trades are compared byte for byte.
        <LinearProgress aria-label="Progress" sx={{ mt: 2 }} {...progressOf(run)} />
      </Alert>
    )
  const found = verdict(other, run)
  if (found === null)
    return (
      <Alert severity="warning" variant="outlined">
        {before} can’t be compared with this run byte for byte: one of them has not kept its
        results. {beside}.
      </Alert>
    )
  if (found.same)
    return (
      <Alert severity="success" variant="outlined">
        <strong>Equal to the digit.</strong> This run made the same orders and trades as{' '}
        <To to={`/backtests/${before}`}>{before}</To>, byte for byte.
      </Alert>
    )
  return (
    <Alert severity="warning" variant="outlined">
      <strong>Not the same.</strong> Orders or trades differ from those of{' '}
      <To to={`/backtests/${before}`}>{before}</To>
      {found.causes.length > 0
        ? ': since then ' + found.causes.join(', and ')
        : ', though code, parameters and history are the same'}
      . <Box component="span">{beside}.</Box>
    </Alert>
  )
}
