/** What a run has come to, as a page. */
import { Alert, Box, Button, LinearProgress, Skeleton, Typography } from '@mui/material'
import { lazy, Suspense, useMemo } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { useGetEquityQuery, useGetReportQuery, useGetRunQuery } from '@/shared/api/cryptick'
import { asProblem } from '@/shared/api/problem'
import type { Report as Summary, Run } from '@/shared/api/runs'
import { wireTime } from '@/shared/format'
import { ModeWord } from '@/shared/ui/Mode'
import { Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { Again } from './Again'
import { progressOf } from './repeated'
import { Actions } from './Actions'
import { HEADLINE, MORE } from './figures'
import { ManifestCard } from './ManifestCard'
import { EquityCard, TradesCard } from './markets'
import { Months } from './Months'
import { Facts, FigureList, Tiles } from './parts'
import { pointsOf, returnsOf } from './series'
import { To } from './To'
import { minute, percent } from './words'

const Distribution = lazy(() => import('./Distribution'))

export function Report() {
  const { runId = '' } = useParams()
  const [search] = useSearchParams()
  const { data: run, error: unknown, refetch: askRun } = useGetRunQuery(runId)
  const { currentData: report, error, refetch } = useGetReportQuery(runId)
  if (run === undefined)
    return unknown === undefined ? (
      <Skeleton variant="rounded" height={400} />
    ) : (
      <ErrorNote error={unknown} retry={() => void askRun()} />
    )
  const before = search.get('again')
  return (
    <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: 'minmax(0, 1fr)' }}>
      <Head run={run} report={report} />
      {before !== null && <Again run={run} before={before} />}
      {report !== undefined ? (
        <Body run={run} report={report} />
      ) : error === undefined ? (
        <Skeleton variant="rounded" height={400} />
      ) : asProblem(error).kind === 'no_data' ? (
        <NoReport run={run} hasBanner={before !== null} />
      ) : (
        <ErrorNote error={error} retry={() => void refetch()} />
      )}
    </Box>
  )
}

function Head({ run, report }: { run: Run; report: Summary | undefined }) {
  return (
    <Box
      component="header"
      sx={{ display: 'flex', flexWrap: 'wrap', gap: 3, alignItems: 'flex-start' }}
    >
      <Box sx={{ flex: 1, minWidth: 260 }}>
        <Typography variant="body2" color="textSecondary">
          <To to="/backtests">Backtests</To> · <ModeWord mode={run.mode} /> · {run.run_id}
          {run.label && ` · ${run.label}`}
        </Typography>
        <Typography variant="h1">{run.strategy}</Typography>
        {report && (
          <Typography variant="body2" color="textSecondary">
            {report.pairs.map((pair) => pair.replace('_', '/')).join(', ')} ·{' '}
            {minute(wireTime(report.period_start))} to {minute(wireTime(report.period_end))} UTC
          </Typography>
        )}
      </Box>
      <Actions run={run} hasReport={report !== undefined} />
    </Box>
  )
}

/** Of a run that goes on, or ended without having come to anything. */
function NoReport({ run, hasBanner }: { run: Run; hasBanner: boolean }) {
  if (run.state === 'failed')
    return (
      <Alert severity="error" variant="outlined">
        <strong>This run failed, so there is no report.</strong> {run.error ?? ''} Your money is not
        affected. <To to={`/runs/${run.run_id}`}>Its log</To> says more.
      </Alert>
    )
  if (!run.running)
    return (
      <Card>
        <Empty text="This run ended before it had anything to report.">
          <Button component={Link} to={`/runs/${run.run_id}`}>
            Look at the run
          </Button>
        </Empty>
      </Card>
    )
  if (hasBanner) return null
  const { progress } = run
  return (
    <Card>
      <Empty
        text={
          run.mode === 'backtest'
            ? `The report appears here by itself when the backtest is done${typeof progress === 'number' ? `: ${percent(progress, 0)} so far` : ''}.`
            : 'The report is written when the run has ended.'
        }
      >
        {run.mode === 'backtest' && (
          <LinearProgress
            aria-label="Progress"
            sx={{ width: 'min(320px, 100%)' }}
            {...progressOf(run)}
          />
        )}
        <Button component={Link} to={`/runs/${run.run_id}`}>
          Look at the run
        </Button>
      </Empty>
    </Card>
  )
}

const HALVES = {
  display: 'grid',
  gap: 3,
  alignItems: 'start',
  gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 1fr) minmax(0, 1fr)' },
}

function Body({ run, report }: { run: Run; report: Summary }) {
  return (
    <>
      <Tiles figures={HEADLINE} report={report} />
      {report.warnings.length > 0 && (
        <Alert severity="warning" variant="outlined">
          <strong>Mind the data.</strong> {report.warnings.map(sentence).join(' ')}
        </Alert>
      )}
      <EquityCard run={run} report={report} />
      <Box sx={HALVES}>
        <Card title="Monthly returns">
          <Months returns={report.figures.monthly_returns} />
          <Typography variant="caption" color="textSecondary" sx={{ mt: 2, display: 'block' }}>
            In percent; the first and the last month as far as they go.
          </Typography>
        </Card>
        <DistributionCard runId={run.run_id} />
      </Box>
      <Box sx={HALVES}>
        <Card title="Figures">
          <FigureList figures={MORE} report={report} />
        </Card>
        <Card title="What they rest on">
          <Facts run={run} report={report} />
        </Card>
      </Box>
      <TradesCard run={run} report={report} />
      <ManifestCard run={run} />
    </>
  )
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

function DistributionCard({ runId }: { runId: string }) {
  const { data } = useGetEquityQuery(runId)
  const returns = useMemo(() => returnsOf(pointsOf(data?.rows ?? [])), [data])
  return (
    <Card title={returns.unit === 'day' ? 'Returns of days' : 'Returns of hours'}>
      {data === undefined ? (
        <Skeleton variant="rounded" height={220} />
      ) : returns.values.every((each) => each === 0) ? (
        <Empty text="The equity never changed." />
      ) : (
        <Suspense fallback={<Skeleton variant="rounded" height={220} />}>
          <Distribution returns={returns} />
        </Suspense>
      )}
    </Card>
  )
}
