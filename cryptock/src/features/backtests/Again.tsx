/** A run that was run again, beside the one before: the same to the digit, or why not. */
import { Alert, Box, LinearProgress } from '@mui/material'
import { useGetRunOrdersQuery, useGetRunQuery, useGetRunTradesQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { progressOf, verdict } from './repeated'
import { ROWS_MAX } from './api'
import { To } from './To'

export function Again({ run, before }: { run: Run; before: string }) {
  const { data: other } = useGetRunQuery(before)
  const ended = { skip: run.running }
  const one = { runId: before, limit: ROWS_MAX }
  const two = { runId: run.run_id, limit: ROWS_MAX }
  const { currentData: ordersThen } = useGetRunOrdersQuery(one, ended)
  const { currentData: ordersNow } = useGetRunOrdersQuery(two, ended)
  const { currentData: tradesThen } = useGetRunTradesQuery(one, ended)
  const { currentData: tradesNow } = useGetRunTradesQuery(two, ended)
  if (other === undefined) return null
  const beside = <To to={`/compare?runs=${before},${run.run_id}`}>Compare them</To>
  if (run.running)
    return (
      <Alert severity="info" variant="outlined" icon={false} sx={{ '& > div': { width: '100%' } }}>
        Running {before} again: when it is done, its orders and trades are compared to the last
        digit.
        <LinearProgress aria-label="Progress" sx={{ mt: 2 }} {...progressOf(run)} />
      </Alert>
    )
  if (!ordersThen || !ordersNow || !tradesThen || !tradesNow) return null
  const found = verdict(other, run, [
    [ordersThen, ordersNow],
    [tradesThen, tradesNow],
  ])
  if (found === null)
    return (
      <Alert severity="warning" variant="outlined">
        {before} made more orders or trades than the page compares one by one. {beside}.
      </Alert>
    )
  if (found.same)
    return (
      <Alert severity="success" variant="outlined">
        <strong>Equal to the digit.</strong> This run made the same orders and trades as{' '}
        <To to={`/backtests/${before}`}>{before}</To>.
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
