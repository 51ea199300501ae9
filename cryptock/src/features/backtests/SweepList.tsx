import { Box, Skeleton } from '@mui/material'
import { useNavigate } from 'react-router'
import { wireTime } from '@/shared/format'
import { Ago, Empty, ErrorNote, Word } from '@/shared/ui/parts'
import { Table } from '@/shared/ui/Table'
import { type Sweep, useGetSweepsQuery } from './api'
import { Command } from './Command'
import { period } from './words'

const LOOK_MS = 5000

export const SWEEP_TONES = { running: 'accent', finished: 'good', interrupted: 'warn' } as const

export function SweepList() {
  const { data, error, refetch } = useGetSweepsQuery(undefined, { pollingInterval: LOOK_MS })
  const navigate = useNavigate()
  if (data === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={300} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  if (data.length === 0)
    return (
      <Empty text="A sweep runs one strategy many times with different parameters, and says what choosing among them would have been worth. It is started from the command line:">
        <Command text="python -m cryptick.sweep SmaCross --gdax-usd 10000 --grid fast=5:50:5 --grid slow=20:200:10" />
      </Empty>
    )
  return (
    <>
      <ErrorNote error={error} retry={() => void refetch()} />
      <Table
        label="Sweeps"
        rows={data}
        keyOf={(row) => row.sweep_id}
        height="calc(100dvh - 210px)"
        onOpen={(row) => void navigate(`/sweeps/${row.sweep_id}`)}
        columns={[
          {
            name: 'Strategy',
            width: 'minmax(130px, 0.6fr)',
            cell: ({ strategy }) => <strong>{strategy}</strong>,
          },
          {
            name: 'Searched',
            width: 'minmax(180px, 1.4fr)',
            cell: ({ searched }) =>
              Object.entries(searched)
                .map(([flag, values]) => `${flag} ${values}`)
                .join(' · '),
          },
          { name: 'By', width: '72px', cell: ({ objective }) => objective },
          {
            name: 'Period',
            width: '192px',
            cell: ({ period: [start, end] }) => period(start * 1000, end * 1000),
          },
          {
            name: 'State',
            width: '92px',
            cell: ({ state }) => <Word tone={SWEEP_TONES[state]}>{state}</Word>,
          },
          { name: 'Trials', width: '96px', number: true, cell: (row) => <Done sweep={row} /> },
          {
            name: 'Started',
            width: '84px',
            number: true,
            cell: ({ started_at }) => <Ago at={wireTime(started_at)} />,
          },
        ]}
      />
    </>
  )
}

const Done = ({ sweep: { done, trials } }: { sweep: Sweep }) => (
  <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
    {trials > done ? `${done} / ${trials}` : done}
  </Box>
)
