/** Says in words what is going to be started, and starts it once. */
import { Alert, Box, TextField, Typography } from '@mui/material'
import { useRef, useState } from 'react'
import { asProblem, isUnclear, type Problem } from '@/shared/api/problem'
import { useStartRunMutation } from '@/shared/api/cryptick'
import { ModeWord } from '@/shared/ui/Mode'
import { Confirm, ErrorNote } from '@/shared/ui/parts'
import { type Draft, formOf, type Known } from './draft'
import { changes, runWords } from './words'

const VERBS = { backtest: 'Start the backtest', paper: 'Start on paper', live: 'Trade live' }
const LIVE = 'live'

const MEANING = {
  backtest: 'Nothing is traded: its funds exist in the test only.',
  paper:
    'The money is virtual: it is taken from what is unallocated, and goes back when the run stops.',
  live: 'It trades by itself from the moment it starts, until it is stopped.',
}

export function Review({
  draft,
  known,
  onStarted,
  onRefused,
  onClose,
}: {
  draft: Draft
  known: Known
  onStarted: (runId: string) => void
  onRefused: (problem: Problem) => void
  onClose: () => void
}) {
  const [start, { isLoading, error }] = useStartRunMutation()
  const [typed, setTyped] = useState('')
  const [requestId] = useState(() => crypto.randomUUID())
  const sent = useRef(false)
  const submit = async () => {
    if (sent.current) return // the second of two quick clicks
    sent.current = true
    const form = { ...formOf(draft, known), request_id: requestId }
    const answer = await start({ strategy: draft.strategy, form })
    if (answer.error === undefined) {
      onStarted(answer.data.run_id)
      return
    }
    sent.current = false
    const problem = asProblem(answer.error)
    if (!isUnclear(problem)) onRefused(problem)
  }
  const changed = changes(draft, known)
  return (
    <Confirm
      open
      title={`Start ${draft.label.trim() || draft.strategy}?`}
      verb={VERBS[draft.mode]}
      danger={draft.mode === 'live'}
      busy={isLoading}
      disabled={draft.mode === 'live' && typed.trim().toLowerCase() !== LIVE}
      onConfirm={() => void submit()}
      onClose={onClose}
    >
      <Box sx={{ display: 'grid', gap: 3 }}>
        <Typography>{runWords(draft, known)}</Typography>
        {changed.length > 0 && (
          <Box component="ul" aria-label="Not as usual" sx={{ m: 0, pl: 5, fontSize: 13 }}>
            {changed.map(([name, value, usual]) => (
              <li key={name}>
                {name} <strong>{value}</strong>{' '}
                <Box component="span" sx={{ color: 'text.secondary' }}>
                  (usually {usual})
                </Box>
              </li>
            ))}
          </Box>
        )}
        {draft.mode === 'live' ? (
          <>
            <Alert severity="warning" variant="outlined">
              <strong>This trades real money.</strong> {MEANING.live}
            </Alert>
            <TextField
              label={`Type ${LIVE} to go on`}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
              slotProps={{ htmlInput: { autoComplete: 'off' } }}
            />
          </>
        ) : (
          <Typography variant="body2" color="textSecondary">
            <ModeWord mode={draft.mode} dot /> {MEANING[draft.mode]}
          </Typography>
        )}
      </Box>
      <ErrorNote error={error} effect="run" />
    </Confirm>
  )
}
