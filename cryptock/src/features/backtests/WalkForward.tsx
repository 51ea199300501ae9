/** What was chosen in each split, and what it then did: in words and numbers. */
import { Box, Typography } from '@mui/material'
import { wireTime } from '@/shared/format'
import { Card, Word } from '@/shared/ui/parts'
import { Table } from '@/shared/ui/Table'
import type { Choice, Measures, SweepDetail } from './api'
import { Explained } from './parts'
import { ENOUGH, skillWords } from './skill'
import { formOf, OBJECTIVES } from './trials'
import { day, gain, percent } from './words'

const toneOf = (value: number) => (value > 0 ? 'good' : value < 0 ? 'bad' : 'dim')

export function WalkForward({ detail }: { detail: SweepDetail }) {
  const { walk_forward: found, choices, sweep } = detail
  const objective = OBJECTIVES[sweep.objective]
  const form = formOf('score', sweep.objective)
  const score = (measures: Measures | null) => {
    const value =
      measures?.[sweep.objective === 'return' ? 'total_return' : sweep.objective] ?? null
    return value === null ? '–' : form(value)
  }
  return (
    <Card title={found === null ? 'Chosen in-sample' : 'Walk-forward'}>
      <Typography sx={{ mb: 3, maxWidth: 720 }}>
        {found === null ? (
          'There is no result out-of-sample: the choice was never tried on other times than those that made it.'
        ) : (
          <>
            Choosing by {objective} in-sample and going on with the choice would have made{' '}
            <Word tone={toneOf(found.total_return)}>{gain(found.total_return)}</Word> over{' '}
            {found.parts} out-of-sample parts, with a fall of up to {percent(found.max_drawdown)}.
            {found.in_sample !== null && found.out_of_sample !== null && (
              <>
                {' '}
                The mean {objective} was {form(found.in_sample)} in-sample and{' '}
                {form(found.out_of_sample)} out-of-sample
                {found.out_of_sample < found.in_sample ? ': the difference is what was luck.' : '.'}
              </>
            )}
          </>
        )}
      </Typography>
      <Table<Choice>
        label="Walk-forward splits"
        rows={choices}
        keyOf={({ split }) => split}
        columns={[
          { name: 'Split', width: '40px', number: true, cell: ({ split }) => split },
          {
            name: 'Chosen on',
            width: '192px',
            cell: (row) => stretch(row.in_sample_from, row.in_sample_to),
          },
          {
            name: 'Choice',
            width: 'minmax(180px, 1fr)',
            cell: ({ point }) =>
              point === null
                ? 'none has a score'
                : Object.entries(point)
                    .map(([flag, value]) => `${flag} ${value}`)
                    .join(', '),
          },
          {
            name: 'In-sample',
            width: '120px',
            number: true,
            cell: ({ in_sample }) => <Numbers>{score(in_sample)}</Numbers>,
          },
          ...(found === null
            ? []
            : [
                {
                  name: 'Tried until',
                  width: '92px',
                  cell: ({ out_of_sample_to: to }: Choice) =>
                    to === null ? '–' : day(wireTime(to)),
                },
                {
                  name: 'Out-of-sample',
                  width: '104px',
                  number: true,
                  cell: ({ out_of_sample }: Choice) => <Numbers>{score(out_of_sample)}</Numbers>,
                },
                {
                  name: 'Return then',
                  width: '92px',
                  number: true,
                  cell: ({ out_of_sample }: Choice) =>
                    out_of_sample === null ? (
                      '–'
                    ) : (
                      <Word tone={toneOf(out_of_sample.total_return)}>
                        <Numbers>{gain(out_of_sample.total_return)}</Numbers>
                      </Word>
                    ),
                },
              ]),
          {
            name: 'Luck?',
            width: 'minmax(270px, 1fr)',
            cell: ({ skill }) => (skill === null ? 'too few days to say' : <Skill skill={skill} />),
          },
        ]}
      />
    </Card>
  )
}

const Skill = ({ skill }: { skill: number }) => (
  <Explained help="The deflated Sharpe ratio: how likely the choice is above what the luckiest of so many trials without skill would show. Below 95 % it is taken for luck.">
    <Word tone={skill >= ENOUGH ? 'good' : 'warn'}>{skillWords(skill)}</Word>
  </Explained>
)

const stretch = (from: string, to: string): string =>
  `${day(wireTime(from))} to ${day(wireTime(to))}`

const Numbers = ({ children }: { children: React.ReactNode }) => (
  <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
    {children}
  </Box>
)
