/** Where a run of EfficientFrontier stands, and where its user wants it to be. */
import { Box, Button, Skeleton, useTheme } from '@mui/material'
import { memo, useMemo } from 'react'
import { useGetComponentsQuery } from '@/shared/api/cryptick'
import type { Cell, ComponentFormat, Run } from '@/shared/api/runs'
import { selectCanTrade } from '@/shared/api/session'
import { useGetExchangesQuery } from '@/shared/api/xwrap'
import { useAppSelector } from '@/shared/hooks'
import { Card, Empty, ErrorNote } from '@/shared/ui/parts'
import { Actions, type Situation } from './Actions'
import { type Drafting, useDraft } from './draft'
import { Figures } from './Figures'
import { Log } from './Log'
import { type Estimated, readBand, readCourse, readEstimated } from './picture'
import { guess, type PlannedOrder, readPlan } from './plan'
import { Plot } from './Plot'
import { measure, walked, type Weights } from './portfolio'
import { OrderList } from './Preview'
import { RunOrders } from './RunOrders'
import { Sliders } from './Sliders'
import { textOption, useLatest } from './parts'
import { WeightsOverTime } from './WeightsOverTime'

/** As tall as what stands beside it, so that nothing below is out of line. */
const plotHeight = (currencies: number) => ({
  xs: 320,
  sm: 420,
  lg: `max(clamp(420px, 56vh, 620px), ${356 + 32 * currencies}px)`,
})

export function Tracker({ run }: { run: Run }) {
  const { data: formats, error, refetch } = useGetComponentsQuery(run.run_id)
  if (formats === undefined)
    return error === undefined ? (
      <Skeleton variant="rounded" height={480} />
    ) : (
      <ErrorNote error={error} retry={() => void refetch()} />
    )
  const frontier = formats.find(({ kind }) => kind === 'frontier')
  if (frontier === undefined)
    return (
      <Empty
        text={
          run.running
            ? 'The strategy starts: its portfolio appears here in a moment.'
            : 'This run ended before it had a portfolio to show; its log says why.'
        }
      />
    )
  return (
    <>
      {error !== undefined && <ErrorNote error={error} retry={() => void refetch()} />}
      <Portfolio run={run} formats={formats} frontier={frontier} />
    </>
  )
}

function Portfolio({
  run,
  formats,
  frontier: format,
}: {
  run: Run
  formats: ComponentFormat[]
  frontier: ComponentFormat
}) {
  const mayTrade = useAppSelector(selectCanTrade)
  const { data: exchanges } = useGetExchangesQuery()
  const part = (id: string) => formats.find((each) => each.id === id)
  const [ordersFormat, weightsFormat] = [part('orders'), part('weights')]
  const rows = useLatest(run.run_id, format)
  const statusRows = useLatest(run.run_id, part('status'))
  const previewRows = useLatest(run.run_id, part('preview'))
  const pointRows = useLatest(run.run_id, part('points'))
  const weightRows = useLatest(run.run_id, weightsFormat)
  const orderRows = useLatest(run.run_id, ordersFormat)
  const log = useLatest(run.run_id, part('log'))

  const currencies = format.options.currencies as string[]
  const estimated = readEstimated(format, rows)
  const course = useMemo(() => readCourse(rows), [rows])
  const band = useMemo(() => readBand(pointRows), [pointRows])
  const status = useMemo(
    () => new Map(statusRows.map(([what, value]) => [String(what), String(value)])),
    [statusRows],
  )
  const now = useMemo(() => {
    const held = course.path.at(-1)?.weights ?? heldLast(weightRows)
    return held && estimated ? measure(held, estimated.estimates) : held ? bare(held) : null
  }, [course, weightRows, estimated])
  const drafting = useDraft(
    course.target?.weights ?? now?.weights ?? null,
    `${format.generation}:${course.targets}`,
    currencies.length - 1,
  )
  const { weights } = drafting
  const mix = weights && estimated ? measure(weights, estimated.estimates) : null
  const place = mix && estimated ? estimated.frontier.placeOf(mix) : null
  const press = textOption(part('confirm'), 'press')
  const orders = useMemo(
    () => readPlan(previewRows).filter(({ preview }) => preview === press),
    [previewRows, press],
  )
  const isOff = !run.running || !mayTrade
  const height = useMemo(() => plotHeight(currencies.length), [currencies.length])
  const { choose } = drafting
  const onPlace = (to: number) => {
    if (estimated) choose(estimated.frontier.at(to).weights)
  }
  // The newest target was set before the trading began that leads to it.
  const begun = course.path.findLast(({ time }) => time <= (course.target?.time ?? 0))
  const isOnTheWay = status.get('state') !== 'idle' && press === ''
  const situation: Situation = {
    run,
    formats,
    currencies,
    frontier: estimated?.frontier ?? null,
    drafting,
    status,
    guess:
      weights && now && (drafting.isOwn || status.get('target') === '-')
        ? guess(now.weights, weights, run, exchanges ?? [])
        : null,
    press,
    orders,
    log,
    walked:
      isOnTheWay && begun && now && course.target
        ? walked(begun.weights, now.weights, course.target.weights)
        : null,
  }
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 3,
        gridTemplateRows: { lg: 'auto 1fr auto' },
        gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 1fr) 376px' },
      }}
    >
      <Card
        title={format.title}
        action={estimated && <Legend estimated={estimated} hasBand={band.length > 0} />}
        sx={{ p: { xs: 2, sm: 4 }, gridRow: { lg: '1 / span 2' } }}
      >
        {estimated ? (
          <Plot
            estimated={estimated}
            course={course}
            band={band}
            mix={mix}
            place={place}
            onPlace={isOff ? undefined : onPlace}
            height={height}
          />
        ) : (
          <NoFrontier
            rows={log}
            isRead={rows.length >= format.rows}
            isRunning={run.running}
            height={height}
          />
        )}
      </Card>
      <Card
        title="Target"
        action={
          drafting.isOwn && (
            <Button color="inherit" onClick={drafting.reset}>
              Undo
            </Button>
          )
        }
      >
        <Choices
          estimated={estimated}
          now={now?.weights ?? null}
          drafting={drafting}
          count={currencies.length}
          disabled={isOff}
        />
        <Sliders
          currencies={currencies}
          drafting={drafting}
          now={now?.weights ?? null}
          disabled={isOff}
        />
        {mix && estimated && (
          <Box sx={{ mt: 3, pt: 3, borderTop: 1, borderColor: 'divider' }}>
            <Figures mix={mix} now={now} estimated={estimated} />
          </Box>
        )}
      </Card>
      <Rest
        isGoing={run.running}
        orders={drafting.isOwn ? NO_ORDERS : orders}
        currency={currencies.at(-1) ?? ''}
        ordersFormat={ordersFormat}
        orderRows={orderRows}
        weightsFormat={weightsFormat}
        weightRows={weightRows}
        statusRows={statusRows}
        logTitle={part('log')?.title ?? 'What happens'}
        log={log}
      />
      <Card
        sx={{
          gridColumn: { lg: 2 },
          gridRow: { lg: 2 },
          // In reach wherever one is on a small page.
          position: { xs: 'sticky', lg: 'static' },
          bottom: -8,
          zIndex: { xs: 3, lg: 'auto' },
          mx: { xs: -2, lg: 0 },
          borderRadius: { xs: 0, lg: '8px' },
          px: 4,
          py: { xs: 3, lg: 4 },
        }}
      >
        <Actions {...situation} />
      </Card>
    </Box>
  )
}

const NO_ORDERS: PlannedOrder[] = []

/** Weights while nothing is estimated. */
const bare = (weights: Weights) => ({ weights, risk: NaN, gain: NaN, sharpe: null })

function heldLast(rows: readonly (readonly Cell[])[]): Weights | null {
  const last = rows.at(-1)
  return last === undefined ? null : last.slice(1).map((share) => Number(share ?? 0) / 100)
}

function Choices({
  estimated,
  now,
  drafting: { choose },
  count,
  disabled,
}: {
  estimated: Estimated | null
  now: Weights | null
  drafting: Drafting
  count: number
  disabled: boolean
}) {
  const [best, least] = [estimated?.maximumSharpe, estimated?.minimumVariance]
  const all: { name: string; title: string; to: (() => void) | undefined }[] = [
    {
      name: 'Max Sharpe',
      title: best
        ? 'The most return for its risk; found anew whenever the frontier is estimated'
        : 'Nothing returns more than the risk-free rate',
      to: best ? () => choose(best.weights, 'maximum-sharpe') : undefined,
    },
    {
      name: 'Min variance',
      title: 'The least risk on the frontier; found anew whenever it is estimated',
      to: least ? () => choose(least.weights, 'minimum-variance') : undefined,
    },
    {
      name: 'Present',
      title: 'What is held now',
      to: now ? () => choose(now) : undefined,
    },
    {
      name: 'Equal',
      title: 'The same share of each currency',
      to: () => choose(Array.from({ length: count }, () => 1 / count)),
    },
  ]
  return (
    <Box
      role="group"
      aria-label="Quick choices"
      sx={{
        display: 'grid',
        gridTemplateColumns: '1.25fr 1.25fr 1fr 0.8fr',
        gap: 1,
        mb: 3,
      }}
    >
      {all.map(({ name, title, to }) => (
        <Button
          key={name}
          variant="outlined"
          color="inherit"
          title={title}
          disabled={disabled || to === undefined}
          onClick={to}
          sx={{
            px: 1,
            minWidth: 0,
            fontSize: 12,
            fontWeight: 500,
            borderColor: 'divider',
            whiteSpace: 'nowrap',
          }}
        >
          {name}
        </Button>
      ))}
    </Box>
  )
}

const Legend = memo(function Legend({
  estimated: { cloud },
  hasBand,
}: {
  estimated: Estimated
  hasBand: boolean
}) {
  const { tokens } = useTheme()
  const key = (colour: string, dashed = false) => (
    <Box
      component="span"
      aria-hidden
      sx={{
        display: 'inline-block',
        width: 16,
        borderTop: `2px ${dashed ? 'dashed' : 'solid'} ${colour}`,
        verticalAlign: 'middle',
        mr: 1,
      }}
    />
  )
  return (
    <Box
      sx={{
        display: { xs: 'none', md: 'flex' },
        gap: 4,
        fontSize: 12,
        color: 'text.secondary',
      }}
    >
      <span>{key(tokens.accent)}frontier</span>
      <span>{key(tokens.text, true)}path so far</span>
      {cloud.risks.length > 0 && (
        <span>
          <Box component="span" aria-hidden sx={{ letterSpacing: '1px', mr: 1 }}>
            ∴
          </Box>
          {cloud.risks.length.toLocaleString('en').replace(',', '\u202f')} random mixes
        </span>
      )}
      {hasBand && (
        <span title="Where 9 of 10 histories, drawn again from days of this one, put these mixes">
          <Box
            component="span"
            aria-hidden
            sx={{
              display: 'inline-block',
              width: 16,
              height: 10,
              bgcolor: `${tokens.accent}30`,
              mr: 1,
              verticalAlign: 'middle',
            }}
          />
          90 % band
        </span>
      )}
    </Box>
  )
})

/** Why there is no picture yet, as the strategy says it. */
function NoFrontier({
  rows,
  isRead,
  isRunning,
  height,
}: {
  rows: readonly (readonly Cell[])[]
  isRead: boolean
  isRunning: boolean
  height: object
}) {
  if (!isRead) return <Skeleton variant="rounded" sx={{ height }} />
  const why = rows.findLast(([, , text]) => String(text).startsWith('no frontier'))?.[2]
  const sentence = why === undefined ? '' : String(why).replace(/^no frontier: /, '')
  return (
    <Box sx={{ height, display: 'grid', placeItems: 'center' }}>
      <Empty
        text={
          isRunning
            ? `There is no frontier yet: ${sentence || 'the strategy reads the history of prices'}. Weights can be chosen without one.`
            : 'This run ended before there was a frontier.'
        }
      />
    </Box>
  )
}

/** What does not change while a target is dragged. */
const Rest = memo(function Rest({
  isGoing,
  orders,
  currency,
  ordersFormat,
  orderRows,
  weightsFormat,
  weightRows,
  statusRows,
  logTitle,
  log,
}: {
  isGoing: boolean
  orders: readonly PlannedOrder[]
  currency: string
  ordersFormat: ComponentFormat | undefined
  orderRows: Cell[][]
  weightsFormat: ComponentFormat | undefined
  weightRows: Cell[][]
  statusRows: Cell[][]
  logTitle: string
  log: Cell[][]
}) {
  return (
    <Box sx={{ display: 'grid', gap: 3, minWidth: 0, gridColumn: '1 / -1' }}>
      {orders.length > 0 && (
        <Card title="Preview" sx={{ borderColor: 'primary.main' }}>
          <OrderList orders={orders} currency={currency} label="Preview" />
        </Card>
      )}
      <Box
        sx={{
          display: 'grid',
          gap: 3,
          gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'repeat(2, minmax(0, 1fr))' },
        }}
      >
        {weightsFormat && (
          <WeightsOverTime format={weightsFormat} rows={weightRows} isGoing={isGoing} />
        )}
        {ordersFormat && <RunOrders format={ordersFormat} rows={orderRows} />}
      </Box>
      <Box
        sx={{
          display: 'grid',
          gap: 3,
          gridTemplateColumns: { xs: 'minmax(0, 1fr)', lg: 'minmax(0, 1fr) 376px' },
          alignItems: 'start',
        }}
      >
        <Log title={logTitle} rows={log} />
        {statusRows.length > 0 && (
          <Card title="How it stands">
            <Box
              component="dl"
              sx={{
                display: 'grid',
                gridTemplateColumns: '140px minmax(0, 1fr)',
                rowGap: 1.5,
                fontSize: 13,
                m: 0,
                '& dd': { m: 0, overflowWrap: 'anywhere' },
                '& dt': { color: 'text.secondary' },
              }}
            >
              {statusRows.map(([what, value]) => (
                <Box key={String(what)} sx={{ display: 'contents' }}>
                  <dt>{what}</dt>
                  <dd>{value === '-' ? '–' : value}</dd>
                </Box>
              ))}
            </Box>
          </Card>
        )}
      </Box>
    </Box>
  )
})
