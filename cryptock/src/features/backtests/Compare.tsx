/** Several runs over each other and side by side. */
import {
  Box,
  Button,
  Skeleton,
  ToggleButton,
  ToggleButtonGroup,
  Tooltip,
  Typography,
} from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { lazy, type ReactNode, Suspense, useMemo } from 'react'
import { Link, useSearchParams } from 'react-router'
import { useGetComparisonQuery } from '@/shared/api/cryptick'
import type { Comparison, Report } from '@/shared/api/runs'
import { DASH, wireTime } from '@/shared/format'
import { Card, Empty, ErrorNote } from '@/shared/ui/parts'
import type { Pane } from './Curves'
import { useGetResultsQuery } from './api'
import { bestOf, FIGURES } from './figures'
import { CURVES_MAX, look } from './palette'
import { Explained, FigureText } from './parts'
import { drawdowns, pointsOf, rebased } from './series'
import { Swatch } from './Swatch'
import { To } from './To'
import { figure, gain, period, setting } from './words'

const Curves = lazy(() => import('./Curves'))

const CHART_PX = 440

export function Compare() {
  const [params] = useSearchParams()
  const ids = useMemo(
    () => [...new Set((params.get('runs') ?? '').split(',').filter(Boolean))],
    [params],
  )
  if (ids.length < 2 || ids.length > CURVES_MAX)
    return (
      <Card>
        <Empty text={`Tick two to ${CURVES_MAX} backtests to see them side by side.`}>
          <Button component={Link} to="/backtests" variant="contained">
            Choose backtests
          </Button>
        </Empty>
      </Card>
    )
  return <Comparing ids={ids} />
}

function Comparing({ ids }: { ids: string[] }) {
  const { currentData: data, error, refetch } = useGetComparisonQuery(ids)
  const { data: known } = useGetResultsQuery()
  const labels = useMemo(
    () => Object.fromEntries((known ?? []).map(({ run_id, label }) => [run_id, label])),
    [known],
  )
  if (data === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={400} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  return (
    <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: 'minmax(0, 1fr)' }}>
      <Box component="header">
        <Typography variant="body2" color="textSecondary">
          <To to="/backtests">Backtests</To> · comparison
        </Typography>
        <Typography variant="h1">{ids.length} runs side by side</Typography>
      </Box>
      <CurvesCard ids={ids} data={data} labels={labels} />
      <FiguresCard ids={ids} data={data} />
      <SettingsCard ids={ids} data={data} />
    </Box>
  )
}

function CurvesCard({
  ids,
  data,
  labels,
}: {
  ids: string[]
  data: Comparison
  labels: Record<string, string>
}) {
  const theme = useTheme()
  const [params, setParams] = useSearchParams()
  const currencies = new Set(ids.map((id) => data[id]?.summary?.currency))
  const isMoney = params.get('as') === 'money' && currencies.size === 1
  const [currency = ''] = currencies
  const panes = useMemo<Pane[]>(() => {
    const curves = ids.map((id, index) => ({
      name: labels[id] ? `${id} ${labels[id]}` : id,
      points: pointsOf(data[id]?.equity ?? []),
      ...look(theme, index),
    }))
    return [
      {
        title: isMoney ? `Equity, ${currency}` : 'Equity from 100 at the start of each',
        part: 2.4,
        form: figure,
        curves: isMoney
          ? curves
          : curves.map((curve) => ({ ...curve, points: rebased(curve.points, 100) })),
      },
      {
        title: 'Drawdown',
        part: 1,
        keep: 'lowest',
        form: (value) => gain(value, 1),
        curves: curves.map((curve) => ({ ...curve, points: drawdowns(curve.points) })),
      },
    ]
  }, [ids, data, labels, isMoney, currency, theme])
  const show = (as: 'money' | null) =>
    setParams(
      (known) => {
        if (as === null) known.delete('as')
        else known.set('as', as)
        return known
      },
      { replace: true },
    )
  return (
    <Card
      title="Equity and drawdown"
      action={
        <ToggleButtonGroup
          exclusive
          size="small"
          value={isMoney ? 'money' : 'index'}
          aria-label="How equity is shown"
          onChange={(_, next: string | null) => next && show(next === 'money' ? 'money' : null)}
        >
          <ToggleButton value="index" sx={{ py: 0.5 }}>
            From 100
          </ToggleButton>
          <ToggleButton value="money" disabled={currencies.size > 1} sx={{ py: 0.5 }}>
            In {currencies.size > 1 ? 'currency' : currency}
          </ToggleButton>
        </ToggleButtonGroup>
      }
    >
      <Suspense fallback={<Skeleton variant="rounded" height={CHART_PX} />}>
        <Curves label="Equity and drawdown of the runs" panes={panes} height={CHART_PX} />
      </Suspense>
    </Card>
  )
}

function FiguresCard({ ids, data }: { ids: string[]; data: Comparison }) {
  const rows = FIGURES.map((each) => {
    const shown = ids.map((id) => {
      const summary = data[id]?.summary ?? null
      return { summary, value: summary === null ? null : each.of(summary).value }
    })
    const best = bestOf(
      shown.map(({ value }) => value),
      each.better,
    )
    return {
      key: each.name,
      name: <Explained help={each.help}>{each.name}</Explained>,
      cells: shown.map(({ summary }, index) => ({
        content:
          summary === null ? (
            DASH
          ) : (
            <>
              <FigureText figure={each} report={summary} />
              {best.includes(index) && <Best />}
            </>
          ),
        strong: best.includes(index),
      })),
    }
  })
  return (
    <Card title="Figures">
      <Matrix label="Figures side by side" ids={ids} rows={rows} />
    </Card>
  )
}

const Best = () => (
  <Tooltip title="The best of these runs">
    <Box component="span" sx={{ color: 'primary.main', fontSize: 12, ml: 1.5, fontWeight: 650 }}>
      best
    </Box>
  </Tooltip>
)

/** Of every run by name: what it was started with. */
function settingsOf(report: Report | null): Record<string, string> {
  if (report === null) return {}
  return {
    Strategy: report.strategy,
    Mode: report.mode,
    Period: period(wireTime(report.period_start), wireTime(report.period_end)),
    Markets: report.pairs.map((pair) => pair.replace('_', '/')).join(', '),
    Fills: report.fill_model ?? DASH,
    Fees: report.fees
      .map(({ exchange, maker, taker }) => `${maker} / ${taker} ${exchange}`)
      .join(', '),
    ...Object.fromEntries(
      Object.entries(report.params).map(([name, value]) => [name, setting(value)]),
    ),
  }
}

function SettingsCard({ ids, data }: { ids: string[]; data: Comparison }) {
  const settings = ids.map((id) => settingsOf(data[id]?.summary ?? null))
  const names = [...new Set(settings.flatMap((each) => Object.keys(each)))]
  const rows = names.map((name) => {
    const texts = settings.map((each) => each[name] ?? DASH)
    const differs = new Set(texts).size > 1
    return {
      key: name,
      differs,
      name: (
        <>
          {name}
          {differs && (
            <Box component="span" sx={{ color: 'warning.main', fontSize: 12, ml: 1.5 }}>
              differs
            </Box>
          )}
        </>
      ),
      cells: texts.map((text) => ({ content: text, strong: differs })),
    }
  })
  const same = rows.filter(({ differs }) => !differs)
  return (
    <Card title="Settings">
      <Matrix
        label="Settings side by side"
        ids={ids}
        rows={[...rows.filter(({ differs }) => differs), ...same]}
      />
    </Card>
  )
}

interface MatrixRow {
  key: string
  name: ReactNode
  differs?: boolean
  cells: { content: ReactNode; strong: boolean }[]
}

function Matrix({ label, ids, rows }: { label: string; ids: string[]; rows: MatrixRow[] }) {
  const theme = useTheme()
  return (
    <Box sx={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label={label}>
      <Box
        component="table"
        aria-label={label}
        sx={{
          borderCollapse: 'collapse',
          width: '100%',
          fontSize: 13,
          '& th, & td': { px: 2, py: 1.5, borderBottom: 1, borderColor: 'divider' },
          '& thead th': { textAlign: 'right', fontWeight: 600, whiteSpace: 'nowrap' },
          '& tbody th': {
            textAlign: 'left',
            fontWeight: 400,
            color: 'text.secondary',
            position: 'sticky',
            left: 0,
            bgcolor: 'background.paper',
            minWidth: { xs: 112, sm: 170 },
          },
          '& td': { textAlign: 'right', minWidth: 120 },
        }}
      >
        <thead>
          <tr>
            <td />
            {ids.map((id, index) => (
              <th key={id} scope="col">
                <Box sx={{ display: 'inline-flex', alignItems: 'center', gap: 1.5 }}>
                  <Swatch {...look(theme, index)} />
                  <To to={`/backtests/${id}`}>{id}</To>
                </Box>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, name, cells, differs }) => (
            <Box component="tr" key={key} sx={differs ? { bgcolor: 'action.selected' } : {}}>
              <th scope="row">{name}</th>
              {cells.map(({ content, strong }, index) => (
                <td key={ids[index]} style={{ fontWeight: strong ? 600 : 400 }}>
                  {content}
                </td>
              ))}
            </Box>
          ))}
        </tbody>
      </Box>
    </Box>
  )
}
