/** Why a run has failed, what that means for the money, and what led there. */
import { Alert, Box, Typography } from '@mui/material'
import { useGetMessagesQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import { utc, wireTime } from '@/shared/format'
import { said } from '@/shared/hub/Messages'

const LED_THERE = 12

export function Failed({ run }: { run: Run }) {
  const { run_id: runId, error, traceback, settled, mode } = run
  // Asked for after the last one there is none: the answer says how many there are.
  const { data: end } = useGetMessagesQuery({ runId, after: Number.MAX_SAFE_INTEGER, limit: 1 })
  const { data } = useGetMessagesQuery(
    { runId, after: Math.max(0, (end?.last ?? 0) - LED_THERE), limit: LED_THERE },
    { skip: end === undefined },
  )
  return (
    <Alert
      severity="error"
      variant="outlined"
      sx={{ '& .MuiAlert-message': { flex: 1, minWidth: 0 } }}
    >
      <Typography sx={{ fontWeight: 650 }}>
        It has failed: {error ?? 'it does not say why'}
      </Typography>
      <Typography>
        {mode === 'backtest'
          ? 'It was a backtest: no money is affected. '
          : settled === undefined
            ? 'What it has left is dealt with as soon as xWrap answers: until then its open orders stand and may fill. '
            : `Its orders and funds: ${settled}. `}
        {mode !== 'backtest' &&
          settled?.includes('kept') &&
          'Its funds are still in its wallet set: free them in Wallets once you have looked at them.'}
      </Typography>
      {traceback !== undefined && (
        <Folded title="Where in the code">
          <Pre label="Traceback">{traceback}</Pre>
        </Folded>
      )}
      {data !== undefined && data.messages.length > 0 && (
        <Folded title="The messages that led there">
          <Pre label="Messages before the failure">
            {data.messages
              .map(
                (each) =>
                  `${each.sequence}  ${utc(wireTime(each.time)).slice(11, 19)}  ${each.message.method}  ${said(each)}`,
              )
              .join('\n')}
          </Pre>
        </Folded>
      )}
    </Alert>
  )
}

function Folded({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Box component="details" sx={{ mt: 2 }}>
      <Box component="summary" sx={{ cursor: 'pointer', fontSize: 13, fontWeight: 600 }}>
        {title}
      </Box>
      {children}
    </Box>
  )
}

function Pre({ label, children }: { label: string; children: string }) {
  return (
    <Box
      component="pre"
      role="region"
      tabIndex={0}
      aria-label={label}
      sx={{
        m: 0,
        mt: 1,
        p: 2,
        overflow: 'auto',
        maxHeight: 320,
        fontSize: 12,
        fontFamily: (t) => t.numbers,
        color: 'text.primary',
      }}
    >
      {children}
    </Box>
  )
}
