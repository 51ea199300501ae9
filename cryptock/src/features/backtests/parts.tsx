/** Figures and facts of a report. */
import { Box, Tooltip } from '@mui/material'
import type { ReactNode } from 'react'
import type { Report, Run } from '@/shared/api/runs'
import { multiply } from '@/shared/amount'
import type { Amount } from '@/shared/amount'
import { count, grouped, wireTime } from '@/shared/format'
import type { Figure } from './figures'
import { fillModel, length, minute, gain, setting, day } from './words'

/** A word with what it means on hover or focus. */
export function Explained({ help, children }: { help: string; children: ReactNode }) {
  return (
    <Tooltip title={help} describeChild>
      <Box
        component="span"
        tabIndex={0}
        sx={{
          cursor: 'help',
          textDecoration: 'underline dotted',
          textDecorationColor: 'color-mix(in srgb, currentColor 50%, transparent)',
          textUnderlineOffset: '3px',
        }}
      >
        {children}
      </Box>
    </Tooltip>
  )
}

/** What a figure is; dim words say why it can't be said. */
export function FigureText({ figure, report }: { figure: Figure; report: Report }) {
  const { text, value } = figure.of(report)
  const isWords = value === null && !/\d/.test(text)
  return (
    <Box
      component="span"
      sx={{
        fontFamily: (t) => (isWords ? 'inherit' : t.numbers),
        color: ({ tokens }) =>
          isWords
            ? tokens.dim
            : figure.signed && value !== null && value !== 0
              ? value > 0
                ? tokens.gain
                : tokens.loss
              : 'inherit',
      }}
    >
      {text}
    </Box>
  )
}

export function Tiles({ figures, report }: { figures: readonly Figure[]; report: Report }) {
  return (
    <Box
      component="dl"
      aria-label="Headline figures"
      sx={{
        m: 0,
        display: 'grid',
        gap: '1px',
        gridTemplateColumns: { xs: 'repeat(2, minmax(0, 1fr))', md: 'repeat(4, minmax(0, 1fr))' },
        bgcolor: 'divider',
        border: 1,
        borderColor: 'divider',
        borderRadius: '8px',
        overflow: 'hidden',
      }}
    >
      {figures.map((figure) => (
        <Box key={figure.name} sx={{ bgcolor: 'background.paper', px: { xs: 3, sm: 4 }, py: 3 }}>
          <Box component="dt" sx={{ fontSize: 12, color: 'text.secondary' }}>
            <Explained help={figure.help}>{figure.name}</Explained>
          </Box>
          <Box
            component="dd"
            sx={{
              m: 0,
              mt: 1,
              fontSize: { xs: 14, sm: 16 },
              fontWeight: 600,
              overflowWrap: 'anywhere',
            }}
          >
            <FigureText figure={figure} report={report} />
          </Box>
        </Box>
      ))}
    </Box>
  )
}

export function Pairs({ rows }: { rows: readonly (readonly [ReactNode, ReactNode])[] }) {
  return (
    <Box
      component="dl"
      sx={{
        m: 0,
        display: 'grid',
        gridTemplateColumns: { xs: '120px minmax(0, 1fr)', sm: '160px minmax(0, 1fr)' },
        columnGap: 3,
        rowGap: 2,
        fontSize: 13,
        '& dt': { color: 'text.secondary' },
        '& dd': { m: 0, overflowWrap: 'anywhere', whiteSpace: 'pre-line' },
      }}
    >
      {rows.map(([name, value], index) => (
        <Box key={index} sx={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Box>
      ))}
    </Box>
  )
}

export function FigureList({ figures, report }: { figures: readonly Figure[]; report: Report }) {
  const { drawdown } = report.figures
  const { best, worst } = report.round_trips
  const more: [string, string][] = []
  if (drawdown !== null)
    more.push([
      'Deepest fall',
      `${day(drawdown.peak_s * 1000)} to ${day(drawdown.trough_s * 1000)}, ${
        drawdown.recovered_s === null
          ? 'not recovered'
          : `recovered ${day(drawdown.recovered_s * 1000)}`
      } (${length(drawdown.duration_s)})`,
    ])
  for (const [name, trip] of [
    ['Best round trip', best],
    ['Worst round trip', worst],
  ] as const)
    if (trip !== null)
      more.push([
        name,
        `${gain(trip.fraction)} with ${grouped(trip.size)} ${trip.pair.split('_')[0] ?? ''}, ${minute(wireTime(trip.time))}`,
      ])
  return (
    <Pairs
      rows={[
        ...figures.map(
          (figure) =>
            [
              <Explained key="n" help={figure.help}>
                {figure.name}
              </Explained>,
              <FigureText key="v" figure={figure} report={report} />,
            ] as const,
        ),
        ...more,
      ]}
    />
  )
}

const HUNDRED = '100' as Amount

/** What the figures rest on, in words. */
export function Facts({ run, report }: { run: Run; report: Report }) {
  const amounts = (rows: readonly (readonly [Amount, string, string])[]) =>
    rows
      .map(([each, currency, exchange]) => `${grouped(each)} ${currency} on ${exchange}`)
      .join('\n')
  const fees = report.fees.map(
    ({ exchange, maker, taker }) =>
      `${grouped(multiply(maker, HUNDRED))} % resting, ${grouped(multiply(taker, HUNDRED))} % taking on ${exchange}`,
  )
  const events = Object.entries(report.events).map(([name, number]) =>
    count(number, name).replace(/s$/, ''),
  )
  return (
    <Pairs
      rows={[
        ['Parameters', parameters(report.params)],
        [
          'Begun with',
          amounts(run.balances.map((each) => [each.balance, each.base, each.exchange])),
        ],
        [
          'Ended with',
          amounts(report.wallets.map((each) => [each.balance, each.currency, each.exchange])),
        ],
        ['Fees', fees.join('\n')],
        ['Fills', fillModel(report.fill_model)],
        ['History', `${events.join(', ')}\nfrom ${report.source}`],
        ['A year', `${report.days_per_year} days; the risk-free rate is ${gain(report.risk_free)}`],
      ]}
    />
  )
}

const parameters = (params: Record<string, unknown>): string =>
  Object.entries(params)
    .map(([name, value]) => `${name} ${setting(value)}`)
    .join(', ') || 'none'
