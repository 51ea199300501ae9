/** All that a run has on record, whatever its strategy. */
import { Box, Tab, Tabs } from '@mui/material'
import { useSearchParams } from 'react-router'
import { useGetComponentsQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { Messages } from '@/shared/hub/Messages'
import { Card } from '@/shared/ui/parts'
import { Equity } from './Equity'
import { Log } from './Log'
import { RunOrders } from './RunOrders'
import { Setup } from './Setup'

const NAMES = ['Orders', 'Equity', 'Log', 'Messages', 'Parameters'] as const
type Name = (typeof NAMES)[number]

export function Records({ run }: { run: Run }) {
  const [params, setParams] = useSearchParams()
  const named = NAMES.find((name) => name.toLowerCase() === params.get('tab'))
  const { data: formats, isLoading } = useGetComponentsQuery(run.run_id)
  // Where a strategy shows nothing by itself, its equity says most.
  const usual = isLoading ? false : formats?.length === 0 ? 'Equity' : 'Orders'
  const shown = named ?? usual
  return (
    <Card>
      <Tabs
        value={shown}
        onChange={(_, name: Name) => setParams({ tab: name.toLowerCase() }, { replace: true })}
        variant="scrollable"
        aria-label="What is on record"
        sx={{ mt: -2, mb: 3, minHeight: 40, '& .MuiTab-root': { minHeight: 40 } }}
      >
        {NAMES.map((name) => (
          <Tab
            key={name}
            value={name}
            label={
              name === 'Parameters'
                ? 'Parameters and balances'
                : name === 'Orders'
                  ? 'Orders and fills'
                  : name
            }
            id={`tab-${name}`}
            aria-controls="records"
          />
        ))}
      </Tabs>
      <Box role="tabpanel" id="records" aria-labelledby={shown ? `tab-${shown}` : undefined}>
        {shown === 'Orders' && <RunOrders run={run} />}
        {shown === 'Equity' && <Equity run={run} />}
        {shown === 'Log' && <Log runId={run.run_id} />}
        {shown === 'Messages' && <Messages runId={run.run_id} height="420px" />}
        {shown === 'Parameters' && <Setup run={run} />}
      </Box>
    </Card>
  )
}
