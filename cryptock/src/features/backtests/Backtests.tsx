/** All backtests, with paper and live runs that have ended; and the sweeps. */
import CompareArrows from '@mui/icons-material/CompareArrows'
import {
  Box,
  Button,
  Checkbox,
  Skeleton,
  Tab,
  Tabs,
  TextField,
  Tooltip,
  Typography,
  useMediaQuery,
} from '@mui/material'
import { useMemo, useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { selectCanTrade } from '@/shared/api/session'
import { count, DASH, wireTime } from '@/shared/format'
import { useAppSelector } from '@/shared/hooks'
import { ModeWord } from '@/shared/ui/Mode'
import { Ago, Card, Empty, ErrorNote, Word } from '@/shared/ui/parts'
import { Sparkline } from '@/shared/ui/Sparkline'
import { type Column, Table } from '@/shared/ui/Table'
import { type Result, useGetResultsQuery } from './api'
import { CURVES_MAX } from './palette'
import { useSorting, type Value } from './sorting'
import { SweepList } from './SweepList'
import { figure, gain, money, percent, period } from './words'

export function Backtests() {
  const [params, setParams] = useSearchParams()
  const tab = params.get('tab') === 'sweeps' ? 'sweeps' : 'runs'
  return (
    <Card>
      <Tabs
        value={tab}
        onChange={(_, next: string) =>
          setParams(next === 'sweeps' ? { tab: next } : {}, { replace: true })
        }
        aria-label="Backtests or sweeps"
        sx={{ minHeight: 36, mb: 3, mt: -2, '& .MuiTab-root': { minHeight: 36, px: 2 } }}
      >
        <Tab value="runs" label="Backtests" id="tab-runs" aria-controls="panel-runs" />
        <Tab value="sweeps" label="Sweeps" id="tab-sweeps" aria-controls="panel-sweeps" />
      </Tabs>
      <Box role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`}>
        {tab === 'sweeps' ? <SweepList /> : <RunList />}
      </Box>
    </Card>
  )
}

const VALUES: Record<string, (row: Result) => Value> = {
  Strategy: ({ strategy }) => strategy,
  Label: ({ label }) => label || null,
  Period: ({ period: known }) => known?.[0],
  Return: ({ total_return }) => total_return,
  Sharpe: ({ sharpe }) => sharpe,
  Drawdown: ({ max_drawdown }) => max_drawdown,
  Fees: ({ fees_paid }) => Object.values(fees_paid).reduce((sum, each) => sum + Number(each), 0),
  Trades: ({ trades }) => trades,
  Ended: ({ ended_at }) => ended_at,
}

const isPast = ({ mode, running }: Result): boolean => mode === 'backtest' || !running

/** Whether a run has what a comparison shows. */
const isComparable = ({ running, total_return }: Result): boolean =>
  !running && total_return !== null

function RunList() {
  const { data, error, refetch } = useGetResultsQuery()
  const navigate = useNavigate()
  const phone = useMediaQuery('(max-width: 700px)')
  const mayTrade = useAppSelector(selectCanTrade)
  const [text, setText] = useState('')
  const [ticked, setTicked] = useState<readonly string[]>([])
  const found = useMemo(() => {
    const needle = text.trim().toLowerCase()
    return (data ?? []).filter(
      (row) =>
        isPast(row) &&
        `${row.strategy} ${row.label} ${row.run_id} ${row.mode}`.toLowerCase().includes(needle),
    )
  }, [data, text])
  const { rows, head } = useSorting(found, VALUES)
  if (data === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={300} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  if (!data.some(isPast))
    return (
      <Empty text="A backtest shows what a strategy would have done in the past, with virtual money: nothing is traded.">
        {mayTrade && (
          <Button component={Link} to="/?mode=backtest" variant="contained">
            Start a backtest
          </Button>
        )}
      </Empty>
    )
  const tick = (id: string) =>
    setTicked(ticked.includes(id) ? ticked.filter((each) => each !== id) : [...ticked, id])
  const comparable = ticked.filter((id) => data.some((row) => row.run_id === id))
  const number = (name: string, width: string, cell: (row: Result) => React.ReactNode) => ({
    ...head(name),
    width,
    number: true,
    cell,
  })
  const outcome = number('Return', '88px', (row) => <Outcome row={row} />)
  const about: Column<Result>[] = [
    {
      ...head('Label'),
      width: 'minmax(90px, 0.8fr)',
      cell: ({ label }) => label || <Dim />,
    },
    { name: 'Mode', width: '68px', cell: ({ mode }) => <ModeWord mode={mode} /> },
    {
      ...head('Period'),
      width: '192px',
      cell: ({ period: known }) => (known ? period(known[0] * 1000, known[1] * 1000) : <Dim />),
    },
  ]
  return (
    <>
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2, alignItems: 'center', mb: 2 }}>
        <TextField
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder="Strategy, label or mode"
          slotProps={{ htmlInput: { 'aria-label': 'Find a backtest', type: 'search' } }}
          sx={{ maxWidth: 260 }}
        />
        <Typography variant="body2" color="textSecondary" sx={{ flex: 1, minWidth: 120 }}>
          {comparable.length === 1
            ? 'Tick another one to compare them.'
            : comparable.length > CURVES_MAX
              ? `At most ${CURVES_MAX} can be compared.`
              : count(rows.length, 'run')}
        </Typography>
        <Button
          variant="outlined"
          startIcon={<CompareArrows />}
          disabled={comparable.length < 2 || comparable.length > CURVES_MAX}
          onClick={() => void navigate(`/compare?runs=${comparable.join(',')}`)}
        >
          Compare{comparable.length > 1 && ` ${comparable.length}`}
        </Button>
        {mayTrade && (
          <Button component={Link} to="/?mode=backtest" variant="contained">
            Start a backtest
          </Button>
        )}
      </Box>
      <ErrorNote error={error} retry={() => void refetch()} />
      {rows.length === 0 ? (
        <Empty text="No run is called that.">
          <Button onClick={() => setText('')}>Show all</Button>
        </Empty>
      ) : (
        <Table
          label="Backtests"
          rows={rows}
          keyOf={(row) => row.run_id}
          height="calc(100dvh - 250px)"
          onOpen={(row) => void navigate(`/backtests/${row.run_id}`)}
          columns={[
            {
              name: 'Tick',
              width: '32px',
              cell: (row) => (
                <Checkbox
                  size="small"
                  checked={ticked.includes(row.run_id)}
                  disabled={!isComparable(row)}
                  onClick={(event) => event.stopPropagation()}
                  onChange={() => tick(row.run_id)}
                  slotProps={{ input: { 'aria-label': `Compare ${row.run_id}` } }}
                  sx={{ p: 1 }}
                />
              ),
            },
            {
              ...head('Strategy'),
              width: 'minmax(140px, 1fr)',
              cell: (row) => (
                <Tooltip title={row.run_id}>
                  <strong>{row.strategy}</strong>
                </Tooltip>
              ),
            },
            ...(phone ? [outcome] : [...about, outcome]),
            number('Sharpe', '72px', ({ sharpe }) => <Num value={sharpe} form={figure} />),
            number('Drawdown', '84px', ({ max_drawdown }) => (
              <Num value={max_drawdown} form={percent} />
            )),
            number('Fees', 'minmax(104px, 0.4fr)', ({ fees_paid }) => (
              <Numbers>{money(fees_paid)}</Numbers>
            )),
            number('Trades', '64px', ({ trades }) => (
              <Num value={trades} form={(value) => figure(value, 0)} />
            )),
            {
              name: 'Equity',
              width: '76px',
              cell: ({ sparkline, run_id }) => (
                <Sparkline values={sparkline} label={`Equity of ${run_id}`} />
              ),
            },
            {
              ...head('Ended'),
              width: '84px',
              number: true,
              cell: ({ ended_at }) => (ended_at ? <Ago at={wireTime(ended_at)} /> : <Dim />),
            },
            ...(phone ? about : []),
          ]}
        />
      )}
    </>
  )
}

const Dim = () => (
  <Box component="span" sx={{ color: 'text.secondary' }}>
    {DASH}
  </Box>
)

const Numbers = ({ children }: { children: React.ReactNode }) => (
  <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
    {children}
  </Box>
)

function Num({
  value,
  form,
}: {
  value: number | null | undefined
  form: (value: number) => string
}) {
  return value === null || value === undefined ? <Dim /> : <Numbers>{form(value)}</Numbers>
}

/** What a run has come to, or how far it is. */
function Outcome({ row }: { row: Result }) {
  if (row.state === 'failed')
    return (
      <Tooltip title={row.error ?? ''}>
        <span>
          <Word tone="bad">failed</Word>
        </span>
      </Tooltip>
    )
  if (row.running)
    return <Word tone="accent">{row.progress === null ? row.state : percent(row.progress, 0)}</Word>
  if (row.total_return === null) return <Dim />
  return (
    <Word tone={row.total_return > 0 ? 'good' : row.total_return < 0 ? 'bad' : 'dim'}>
      <Numbers>{gain(row.total_return)}</Numbers>
    </Word>
  )
}
