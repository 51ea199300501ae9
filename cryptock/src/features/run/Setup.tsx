/** What a run was started with, and what it holds. */
import { Box, Tooltip, Typography } from '@mui/material'
import type { ReactNode } from 'react'
import { useGetParametersQuery, useGetReportQuery } from '@/shared/api/cryptick'
import type { Run } from '@/shared/api/runs'
import type { Amount } from '@/shared/amount'
import { useGetWalletsQuery } from '@/shared/api/xwrap'
import { DASH, utc } from '@/shared/format'
import { Num } from '@/shared/ui/parts'
import { Table } from '@/shared/ui/Table'

interface Holding {
  exchange: string
  currency: string
  began: Amount | null
  now: Amount | null
}

/** A parameter as a person reads it. */
export function shownValue(value: unknown): string {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return DASH
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function Setup({ run }: { run: Run }) {
  const { data: parameters = [] } = useGetParametersQuery(run.strategy)
  const about = new Map(parameters.map((each) => [each.name, each]))
  const facts: [string, ReactNode][] = [
    ...(run.mode === 'backtest'
      ? [
          ['Period', period(run)] as [string, string],
          ['Fills', run.fill_model ?? DASH] as [string, string],
        ]
      : []),
    ['Data', run.source ?? DASH],
    ...(run.wallet_set_id === null ? [] : [['Wallet set', run.wallet_set_id] as [string, number]]),
  ]
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 8,
        gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 400px), 1fr))',
      }}
    >
      <div>
        <Typography variant="h2" sx={{ mb: 2 }}>
          Parameters
        </Typography>
        <List
          facts={Object.entries(run.params).map(([name, value]) => {
            const { help = '', unit = '' } = about.get(name) ?? {}
            return [
              <Tooltip key={name} title={help}>
                <span>{name.replaceAll('_', ' ')}</span>
              </Tooltip>,
              `${shownValue(value)}${unit === '' || shownValue(value) === DASH ? '' : ` ${unit}`}`,
            ]
          })}
          none="This strategy has none."
        />
        <Typography variant="h2" sx={{ mt: 5, mb: 2 }}>
          Run
        </Typography>
        <List facts={facts} none="" />
      </div>
      <div>
        <Typography variant="h2" sx={{ mb: 2 }}>
          Balances
        </Typography>
        <Balances run={run} />
      </div>
    </Box>
  )
}

function period({ start, end }: Run): string {
  const day = (seconds: number | null, open: string) =>
    seconds === null ? open : utc(seconds * 1000)
  return `${day(start, 'the beginning of what is stored')} to ${day(end, 'its end')}`
}

function List({ facts, none }: { facts: [ReactNode, ReactNode][]; none: string }) {
  if (facts.length === 0)
    return (
      <Typography variant="body2" color="textSecondary">
        {none}
      </Typography>
    )
  return (
    <Box
      component="dl"
      sx={{
        display: 'grid',
        gridTemplateColumns: '140px minmax(0, 1fr)',
        rowGap: 1,
        m: 0,
        fontSize: 13,
        '& dt': { color: 'text.secondary' },
        '& dd': { m: 0, overflowWrap: 'anywhere' },
      }}
    >
      {facts.map(([name, value], index) => (
        <Box key={index} sx={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Box>
      ))}
    </Box>
  )
}

function Balances({ run }: { run: Run }) {
  const { data: report } = useGetReportQuery(run.run_id, { skip: run.running })
  const { data: wallets } = useGetWalletsQuery(undefined, { skip: run.mode === 'backtest' })
  const set = wallets?.sets.find(({ id }) => id === run.wallet_set_id)
  const held = set?.wallets ?? report?.wallets ?? []
  const rows = new Map<string, Holding>()
  for (const { exchange, base, balance } of run.balances)
    rows.set(`${exchange} ${base}`, { exchange, currency: base, began: balance, now: null })
  for (const { exchange, currency, balance } of held) {
    const key = `${exchange} ${currency}`
    rows.set(key, { exchange, currency, began: rows.get(key)?.began ?? null, now: balance })
  }
  const known = held.length > 0
  return (
    <>
      <Table
        label="Balances"
        rows={[...rows.values()]}
        keyOf={({ exchange, currency }) => `${exchange} ${currency}`}
        columns={[
          { name: 'Exchange', width: 'minmax(80px, 1fr)', cell: ({ exchange }) => exchange },
          { name: 'Currency', width: '72px', cell: ({ currency }) => currency },
          {
            name: 'At the start',
            width: 'minmax(110px, 1fr)',
            number: true,
            cell: ({ began }) => (began === null ? DASH : <Num value={began} />),
          },
          {
            name: run.running || set ? 'Now' : 'At the end',
            width: 'minmax(110px, 1fr)',
            number: true,
            cell: ({ now }) =>
              now === null && !known ? '?' : now === null ? DASH : <Num value={now} />,
          },
        ]}
      />
      {!known && (
        <Typography variant="body2" color="textSecondary" sx={{ mt: 2 }}>
          {run.mode === 'backtest' && run.running
            ? 'What it holds is told when it has ended.'
            : 'What it holds is not known; its funds may have been freed.'}
        </Typography>
      )}
    </>
  )
}
