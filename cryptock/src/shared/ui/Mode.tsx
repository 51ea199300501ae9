/** What a run trades with, told by a word in its own colour, the same everywhere. */
import { Box, Tooltip } from '@mui/material'
import type { RunMode } from '../api/runs'

/** What a mode means for the money. */
export const MODES: Record<RunMode, string> = {
  backtest: 'History, virtual money: nothing is traded',
  paper: 'Real markets, virtual money',
  live: 'Real money at real exchanges',
}

export function ModeWord({ mode, dot = false }: { mode: RunMode; dot?: boolean }) {
  return (
    <Tooltip title={MODES[mode]}>
      <Box
        component="span"
        sx={{ color: ({ tokens }) => tokens[mode], fontWeight: 650, whiteSpace: 'nowrap' }}
      >
        {dot && '● '}
        {mode}
      </Box>
    </Tooltip>
  )
}
