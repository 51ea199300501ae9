/** The first steps, for who is here for the first time. */
import Close from '@mui/icons-material/Close'
import { Box, Button, IconButton, Typography } from '@mui/material'
import { useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { useGetRunnablesQuery, useGetRunsQuery } from '@/shared/api/cryptick'
import { selectCanTrade } from '@/shared/api/session'
import { useAppSelector } from '@/shared/hooks'
import { Card } from '@/shared/ui/parts'

const WELCOMED = 'cryptock.welcomed'

export function Welcome({ onStart }: { onStart: (strategy: string, mode: string) => void }) {
  const navigate = useNavigate()
  const [params, setParams] = useSearchParams()
  const { data: runs } = useGetRunsQuery()
  const { data: runnables = [] } = useGetRunnablesQuery()
  const mayTrade = useAppSelector(selectCanTrade)
  const [dismissed, setDismissed] = useState(() => localStorage.getItem(WELCOMED) !== null)
  const isAsked = params.has('welcome')
  // Those from a command line are none of a person who is new to the page.
  const isNew = runs?.every((run) => !run.started_by) === true
  if (!isAsked && (dismissed || !isNew)) return null
  const dismiss = () => {
    localStorage.setItem(WELCOMED, 'yes')
    setDismissed(true)
    if (isAsked) setParams({}, { replace: true })
  }
  const has = (name: string) => runnables.some((each) => each.name === name)
  const demo = runs?.find(({ mode, running }) => mode === 'paper' && running)
  const first = ['SmaCross', 'HodlStrategy'].find(has)
  const offers = [
    {
      title: 'Watch one at work',
      text: demo
        ? `${demo.label || demo.strategy} trades virtual money on real markets, right now.`
        : 'No run is at work now. Start one on paper, then watch it here.',
      verb: 'Watch it',
      isOffered: demo !== undefined,
      run: () => demo && void navigate(`/runs/${demo.run_id}`),
    },
    {
      title: 'Try it on history',
      text: `A backtest tells in seconds what ${first ?? 'a strategy'} would have made. It needs no money.`,
      verb: 'Prepare a backtest',
      isOffered: mayTrade && first !== undefined,
      run: () => first && onStart(first, 'backtest'),
    },
    {
      title: 'Let it trade on paper',
      text: 'EfficientFrontier keeps a mix of assets where risk and return stand best, with a tenth of the unallocated money, all of it virtual.',
      verb: 'Prepare a paper run',
      isOffered: mayTrade && has('EfficientFrontier'),
      run: () => onStart('EfficientFrontier', 'paper'),
    },
  ]
  return (
    <Card
      title="Welcome to Cryptick"
      action={
        <IconButton size="small" aria-label="Dismiss the welcome" onClick={dismiss}>
          <Close fontSize="small" />
        </IconButton>
      }
      sx={{ gridColumn: '1 / -1' }}
    >
      <Typography variant="body2" color="textSecondary">
        A strategy trades by itself, with the funds you give it and nothing else. Three ways to
        begin:
      </Typography>
      <Box
        sx={{
          display: 'grid',
          gap: { xs: 4, md: 6 },
          mt: 4,
          gridTemplateColumns: { md: 'repeat(3, minmax(0, 1fr))' },
        }}
      >
        {offers.map(({ title, text, verb, isOffered, run }) => (
          <Box
            key={title}
            sx={{ display: 'flex', flexDirection: 'column', alignItems: 'flex-start', gap: 2 }}
          >
            <Typography variant="body1" component="h3" sx={{ fontWeight: 600 }}>
              {title}
            </Typography>
            <Typography variant="body2" color="textSecondary" sx={{ flex: 1 }}>
              {text}
            </Typography>
            <Button variant="outlined" disabled={!isOffered} onClick={run}>
              {verb}
            </Button>
          </Box>
        ))}
      </Box>
    </Card>
  )
}
