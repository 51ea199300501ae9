/** Which part of the history a backtest is on: only of what there is. */
import { Box, FormHelperText, TextField, ToggleButton, ToggleButtonGroup } from '@mui/material'
import { DASH, duration, pairName, utc } from '@/shared/format'
import { DAY_S, dateOf, midnight, type Period, rangeOf, type Span, within } from './period'

const PRESETS = [30, 7, 1] as const
const PAIRS_SHOWN = 6

export function PeriodPicker({
  period,
  spans,
  problem,
  onChange,
}: {
  period: Period
  spans: readonly Span[]
  problem: string
  onChange: (period: Period) => void
}) {
  const range = rangeOf(spans)
  if (range === null) return <FormHelperText error>{problem}</FormHelperText>
  const [first, last] = range
  const [start, end] = within(period, range)
  const preset = period === 'all' ? 'all' : 'days' in period ? period.days : null
  const pick = (text: string, isEnd: boolean) => {
    const day = midnight(text)
    if (day === null) return
    const at = Math.min(last, Math.max(first, isEnd ? day + DAY_S : day))
    onChange(isEnd ? { start, end: at } : { start: at, end })
  }
  const bounds = { min: dateOf(first), max: dateOf(last - 1) }
  return (
    <Box role="group" aria-label="Period" sx={{ display: 'grid', gap: 3 }}>
      <ToggleButtonGroup
        exclusive
        size="small"
        value={preset}
        aria-label="Part of the history"
        onChange={(_, next: 'all' | number | null) => {
          if (next !== null) onChange(next === 'all' ? 'all' : { days: next })
        }}
        sx={{ flexWrap: 'wrap' }}
      >
        <ToggleButton value="all">All</ToggleButton>
        {PRESETS.map((days) => (
          <ToggleButton key={days} value={days} disabled={last - first <= days * DAY_S}>
            Last {days === 1 ? 'day' : `${days} days`}
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
      <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: '1fr 1fr' }}>
        {(
          [
            ['From, UTC', dateOf(start), false],
            ['To and with, UTC', dateOf(Math.max(start, end - 1)), true],
          ] as const
        ).map(([label, value, isEnd]) => (
          <TextField
            key={label}
            type="date"
            label={label}
            value={value}
            error={problem !== ''}
            onChange={(event) => pick(event.target.value, isEnd)}
            slotProps={{ htmlInput: bounds, inputLabel: { shrink: true } }}
          />
        ))}
      </Box>
      <Availability spans={spans} first={first} last={last} start={start} end={end} />
      {problem !== '' && <FormHelperText error>{problem}</FormHelperText>}
    </Box>
  )
}

/** What is kept of each pair, over the same time, and what of it is chosen. */
function Availability({
  spans,
  first,
  last,
  start,
  end,
}: {
  spans: readonly Span[]
  first: number
  last: number
  start: number
  end: number
}) {
  const at = (time: number) => ((time - first) / (last - first)) * 100
  const place = (from: number, to: number) => ({
    position: 'absolute',
    left: `${at(from)}%`,
    width: `${Math.max(0.5, at(to) - at(from))}%`,
    top: 0,
    bottom: 0,
  })
  const shown = spans.slice(0, PAIRS_SHOWN)
  const name = ({ exchange, pair }: Span) => `${pairName(pair)} on ${exchange}`
  const row = {
    display: 'grid',
    gridTemplateColumns: { xs: '120px 1fr', sm: '136px 1fr' },
    alignItems: 'center',
  }
  return (
    <Box sx={{ fontSize: 12, color: 'text.secondary' }}>
      <Box component="ul" aria-label="History there is" sx={{ listStyle: 'none', p: 0, m: 0 }}>
        {shown.map((span) => (
          <Box component="li" key={name(span)} sx={{ ...row, height: 20 }}>
            <Box
              component="span"
              title={`${utc(span.start * 1000)} ${DASH} ${utc(span.end * 1000)}`}
              sx={{ overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap', pr: 2 }}
            >
              {name(span)}
            </Box>
            <Box
              role="img"
              aria-label={`from ${dateOf(span.start)} to ${dateOf(span.end - 1)}`}
              sx={{ position: 'relative', height: 8, bgcolor: 'action.hover', borderRadius: '4px' }}
            >
              <Box
                sx={{ ...place(span.start, span.end), bgcolor: 'divider', borderRadius: '4px' }}
              />
              {span.end > start && span.start < end && (
                <Box
                  sx={{
                    ...place(Math.max(span.start, start), Math.min(span.end, end)),
                    bgcolor: ({ tokens }) => tokens.backtest,
                    borderRadius: '4px',
                  }}
                />
              )}
            </Box>
          </Box>
        ))}
      </Box>
      <Box sx={row}>
        <span>{spans.length > shown.length && `and ${spans.length - shown.length} more`}</span>
        <Box sx={{ display: 'flex', justifyContent: 'space-between', whiteSpace: 'nowrap' }}>
          <span>{dateOf(first)}</span>
          {start < end && (
            <Box component="span" sx={{ display: { xs: 'none', sm: 'inline' } }}>
              {duration((end - start) * 1000)} chosen
            </Box>
          )}
          <span>{dateOf(last - 1)}</span>
        </Box>
      </Box>
    </Box>
  )
}
