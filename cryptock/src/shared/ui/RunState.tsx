/** How it stands with a run, told by a small coloured word, the same everywhere. */
import { Tooltip } from '@mui/material'
import type { RunState } from '../api/runs'
import { Word } from './parts'

type Tone = Parameters<typeof Word>[0]['tone']

/** What a state means. */
export const STATES: Record<RunState, { tone: Tone; means: string }> = {
  starting: { tone: 'accent', means: 'It reads history, or waits for the exchanges' },
  running: { tone: 'good', means: 'The strategy is at work' },
  paused: { tone: 'warn', means: 'It hears no prices and no timers; its open orders stay' },
  stopping: { tone: 'warn', means: 'It cancels its orders and gives its funds back' },
  stopped: { tone: 'dim', means: 'It has ended well' },
  failed: { tone: 'bad', means: 'It has ended by an error' },
}

export function StateWord({ state }: { state: RunState }) {
  const { tone, means } = STATES[state]
  return (
    <Tooltip title={means}>
      <span>
        <Word tone={tone}>{state}</Word>
      </span>
    </Tooltip>
  )
}
