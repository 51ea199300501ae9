/** How a run stands: what it trades with, what it is worth, and what can be done with it. */
import { Box, LinearProgress, Typography } from '@mui/material'
import type { ReactNode } from 'react'
import { type Amount, amount, basisPoints, multiply, sign, subtract } from '@/shared/amount'
import type { Run } from '@/shared/api/runs'
import { change, count, dollars, wireTime } from '@/shared/format'
import { ModeWord } from '@/shared/ui/Mode'
import { Ago, Card, Flashing, Num } from '@/shared/ui/parts'
import { StateWord } from '@/shared/ui/RunState'
import { Actions } from './Actions'

const PERCENT = amount('0.01')

/** What was won or lost, and as a percentage. */
export function resultOf({ equity, initial_equity: initial }: Run) {
  if (!equity || !initial) return null
  const points = basisPoints(initial, equity)
  return {
    gained: subtract(equity, initial),
    percent: points === null ? null : multiply(points, PERCENT),
  }
}

export function Head({ run, stale }: { run: Run; stale: boolean }) {
  const { run_id: runId, currency = '', progress = null } = run
  const result = resultOf(run)
  const fees = Object.entries(run.fees_paid ?? {})
  const unknown = <Dim>{run.running ? 'not known yet' : 'not known'}</Dim>
  const facts: [name: string, value: ReactNode][] = [
    [
      'Equity',
      !run.equity ? (
        unknown
      ) : (
        <>
          <Box component="span" sx={{ ml: -1 }}>
            <Flashing text={dollars(run.equity)} stale={stale} />
          </Box>{' '}
          {currency}
        </>
      ),
    ],
    [
      'Result',
      result === null ? (
        unknown
      ) : (
        <Gain value={result.gained} stale={stale}>
          {result.percent !== null && sign(result.percent) !== 0 && `${change(result.percent)} % `}
          <Dim>
            {sign(result.gained) > 0 && '+'}
            {sign(result.gained) === 0 ? 'nothing' : dollars(result.gained)} of{' '}
            {dollars(run.initial_equity as Amount)} {currency}
          </Dim>
        </Gain>
      ),
    ],
    ['Orders and trades', `${count(run.orders ?? 0, 'order')}, ${count(run.trades ?? 0, 'trade')}`],
    ...(run.fees_paid === undefined
      ? []
      : [
          [
            'Fees',
            fees.length === 0 ? (
              <Dim key="f">none</Dim>
            ) : (
              fees.map(([unit, fee]) => (
                <span key={unit}>
                  <Num value={fee} digits={{ max: 4 }} /> {unit}{' '}
                </span>
              ))
            ),
          ] as [string, ReactNode],
        ]),
  ]
  return (
    <Card>
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 3, alignItems: 'flex-start' }}>
        <Box sx={{ flex: 1, minWidth: 240 }}>
          <Box
            sx={{
              display: 'flex',
              flexWrap: 'wrap',
              columnGap: 3,
              rowGap: 1,
              alignItems: 'baseline',
            }}
          >
            <Typography component="h2" sx={{ fontSize: 20, fontWeight: 650 }}>
              {run.strategy}
            </Typography>
            {run.label !== '' && <Box component="span">{run.label}</Box>}
            <ModeWord mode={run.mode} dot />
            <StateWord state={run.state} />
          </Box>
          <Typography variant="body2" color="textSecondary">
            <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
              {runId}
            </Box>
            , started <Ago at={wireTime(run.started_at)} />{' '}
            {run.started_by ? `by ${run.started_by}` : 'from a command line'}
            {run.ended_at !== undefined && (
              <>
                , ended <Ago at={wireTime(run.ended_at)} />
              </>
            )}
          </Typography>
        </Box>
        <Actions run={run} />
      </Box>
      {run.running && progress !== null && (
        <Box sx={{ display: 'flex', alignItems: 'center', gap: 3, mt: 3 }}>
          <LinearProgress
            variant="determinate"
            value={progress * 100}
            aria-label="How far the backtest has come"
            sx={{ flex: 1 }}
          />
          <Box component="span" sx={{ fontSize: 12, fontFamily: (t) => t.numbers }}>
            {Math.floor(progress * 100)} %
          </Box>
        </Box>
      )}
      <Box
        component="dl"
        sx={{
          display: 'grid',
          gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 136px), max-content))',
          columnGap: { xs: 3, sm: 8 },
          rowGap: 3,
          m: 0,
          mt: 4,
          '& dt': { color: 'text.secondary', fontSize: 12 },
          '& dd': { m: 0, fontSize: 16 },
        }}
      >
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </Box>
    </Card>
  )
}

function Gain({ value, stale, children }: { value: Amount; stale: boolean; children: ReactNode }) {
  return (
    <Box
      component="span"
      sx={{
        color: ({ tokens }) =>
          stale || sign(value) === 0 ? tokens.dim : sign(value) > 0 ? tokens.gain : tokens.loss,
        fontFamily: (t) => t.numbers,
      }}
    >
      {children}
    </Box>
  )
}

function Dim({ children }: { children: ReactNode }) {
  return (
    <Box component="span" sx={{ color: 'text.secondary', fontSize: 13 }}>
      {children}
    </Box>
  )
}
