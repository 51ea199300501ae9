/** The points that a sweep tried: all as a table, one as its whole story. */
import { Box, Button, Drawer, Typography } from '@mui/material'
import { Link } from 'react-router'
import { selectCanTrade } from '@/shared/api/session'
import { count, DASH } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { Card, Word } from '@/shared/ui/parts'
import { Table } from '@/shared/ui/Table'
import type { Sweep, SweepDetail } from './api'
import { Command } from './Command'
import { type Measure, MEASURES, type Trial } from './heat'
import { Pairs } from './parts'
import { useSorting, type Value } from './sorting'
import { figure, gain, percent } from './words'

/** What is best, in words. */
export const OBJECTIVES = {
  sharpe: 'Sharpe ratio',
  return: 'return',
  calmar: 'Calmar ratio',
} as const

/** How a measure is told. */
export function formOf(measure: Measure, objective: Sweep['objective']): (value: number) => string {
  if (measure === 'trades') return (value) => figure(value, Number.isInteger(value) ? 0 : 1)
  if (measure === 'max_drawdown') return (value) => percent(value)
  if (measure === 'total_return') return (value) => gain(value)
  if (measure === 'spread' && objective === 'return') return (value) => percent(value)
  return objective === 'return' ? (value) => gain(value) : (value) => figure(value)
}

const SHORT: Record<Measure, string> = {
  score: 'Score',
  in_sample: 'In-sample',
  worst: 'Worst',
  spread: '±',
  total_return: 'Return',
  max_drawdown: 'Drawdown',
  trades: 'Trades',
}

export function TrialTable({
  sweep,
  flags,
  trials,
  onOpen,
}: {
  sweep: Sweep
  flags: readonly string[]
  trials: readonly Trial[]
  onOpen: (trial: Trial) => void
}) {
  const values: Record<string, (trial: Trial) => Value> = {
    '#': ({ rank }) => rank,
    ...Object.fromEntries(flags.map((flag) => [flag, ({ point }: Trial) => point[flag]])),
    ...Object.fromEntries(
      Object.entries(SHORT).map(([name, title]) => [
        title,
        (trial: Trial) => trial.values[name as Measure],
      ]),
    ),
  }
  const { rows, head } = useSorting(trials, values, { by: '#', ascending: true })
  const text = (trial: Trial, measure: Measure) => {
    const value = trial.values[measure]
    return value === null ? DASH : formOf(measure, sweep.objective)(value)
  }
  return (
    <Card title={`Points, best ${OBJECTIVES[sweep.objective]} first`}>
      <Table
        label="Points"
        rows={rows}
        keyOf={({ rank }) => rank}
        height="480px"
        onOpen={onOpen}
        columns={[
          { ...head('#'), width: '44px', number: true, cell: ({ rank }) => rank },
          ...flags.map((flag) => ({
            ...head(flag),
            width: 'minmax(72px, 1fr)',
            number: true,
            cell: ({ point }: Trial) => <Numbers>{point[flag]}</Numbers>,
          })),
          ...(Object.keys(SHORT) as Measure[]).map((measure) => ({
            ...head(SHORT[measure]),
            width: 'minmax(84px, 1fr)',
            number: true,
            cell: (trial: Trial) => <Numbers>{text(trial, measure)}</Numbers>,
          })),
          {
            name: 'Splits',
            width: '56px',
            number: true,
            cell: ({ parts, error }) => (error ? <Word tone="bad">failed</Word> : parts),
          },
        ]}
      />
    </Card>
  )
}

const Numbers = ({ children }: { children: React.ReactNode }) => (
  <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
    {children}
  </Box>
)

/** A point from near, and the others that were gathered with it. */
export function TrialSheet({
  detail,
  trials,
  onClose,
}: {
  detail: SweepDetail
  trials: readonly Trial[]
  onClose: () => void
}) {
  const [trial, ...others] = trials
  return (
    <Drawer anchor="right" open={trial !== undefined} onClose={onClose}>
      {trial && <Story detail={detail} trial={trial} others={others} onClose={onClose} />}
    </Drawer>
  )
}

function Story({
  detail: { sweep },
  trial,
  others,
  onClose,
}: {
  detail: SweepDetail
  trial: Trial
  others: readonly Trial[]
  onClose: () => void
}) {
  const mayTrade = useAppSelector(selectCanTrade)
  const params = { ...sweep.fixed, ...trial.point }
  const flags = Object.entries(params)
    .map(([flag, value]) => `--${flag} ${value}`)
    .join(' ')
  const query = new URLSearchParams({ mode: 'backtest', strategy: sweep.strategy })
  return (
    <Box sx={{ width: { xs: '100vw', sm: 440 }, p: 4, display: 'grid', gap: 4 }}>
      <Typography variant="h1">{label(trial)}</Typography>
      {trial.error !== '' && <Word tone="bad">{trial.error}</Word>}
      <Pairs
        rows={[
          ['Rank', `${trial.rank} of all points by ${OBJECTIVES[sweep.objective]}`],
          ...(Object.entries(MEASURES) as [Measure, string][]).map(([measure, name]) => {
            const value = trial.values[measure]
            return [
              measure === 'score' ? capital(OBJECTIVES[sweep.objective]) : name,
              value === null ? DASH : formOf(measure, sweep.objective)(value),
            ] as const
          }),
          ['Splits with a result', String(trial.parts)],
        ]}
      />
      {others.length > 0 && (
        <Box>
          <Typography variant="h2" sx={{ mb: 1 }}>
            {count(others.length, 'other point')} in this cell
          </Typography>
          <Box component="ul" sx={{ m: 0, pl: 4, fontSize: 13 }}>
            {others.slice(0, 20).map((other) => (
              <li key={other.rank}>
                {label(other)}:{' '}
                {other.values.score === null
                  ? 'no result'
                  : formOf('score', sweep.objective)(other.values.score)}
              </li>
            ))}
          </Box>
        </Box>
      )}
      <Box>
        <Typography variant="body2" color="textSecondary" sx={{ mb: 2 }}>
          A trial keeps no trades. To see them, run these parameters as a backtest.
        </Typography>
        <Command text={flags} />
      </Box>
      <Box sx={{ display: 'flex', gap: 2 }}>
        {mayTrade && (
          <Button component={Link} to={`/?${query}`} variant="contained">
            Start a backtest
          </Button>
        )}
        <Button color="inherit" onClick={onClose}>
          Close
        </Button>
      </Box>
    </Box>
  )
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const label = ({ point }: Trial): string =>
  Object.entries(point)
    .map(([flag, value]) => `${flag} ${value}`)
    .join(', ')
