/** Which funds a run gets: rows of exchange, currency and amount. */
import Close from '@mui/icons-material/Close'
import { Box, Button, IconButton, MenuItem, TextField, Typography } from '@mui/material'
import { sign } from '@/shared/amount'
import { AmountField } from '@/shared/ui/AmountField'
import type { Line, Place } from './draft'

const unique = (words: string[]): string[] => [...new Set(words)]

export function Allocation({
  lines,
  places,
  onChange,
}: {
  lines: readonly Line[]
  places: readonly Place[]
  onChange: (lines: Line[]) => void
}) {
  const isUsed = ({ exchange, currency }: Place, but?: number) =>
    lines.some(
      (line, index) => index !== but && line.exchange === exchange && line.currency === currency,
    )
  const usable = places.filter(({ most }) => most === undefined || sign(most) > 0)
  const next = usable.find((place) => !isUsed(place))
  const replace = (at: number, line: Line) =>
    onChange(lines.map((each, index) => (index === at ? line : each)))
  return (
    <Box role="group" aria-label="Funds" sx={{ display: 'grid', gap: 1 }}>
      {lines.map((line, at) => {
        const free = usable.filter((place) => !isUsed(place, at))
        // What the form was filled with may be gone meanwhile: it is shown, and said.
        const exchanges = unique([line.exchange, ...free.map(({ exchange }) => exchange)])
        const currencies = unique([
          line.currency,
          ...free
            .filter(({ exchange }) => exchange === line.exchange)
            .map(({ currency }) => currency),
        ])
        const most = places.find(
          (place) => place.exchange === line.exchange && place.currency === line.currency,
        )?.most
        const move = (exchange: string, currency: string) =>
          replace(at, { ...line, exchange, currency, text: '' })
        return (
          <Box
            key={at}
            sx={{
              display: 'grid',
              columnGap: 2,
              rowGap: 3,
              alignItems: 'start',
              gridTemplateColumns: {
                xs: 'minmax(0, 1fr) minmax(0, 1fr) 36px',
                sm: '112px 96px minmax(0, 1fr) 36px',
              },
              gridTemplateAreas: {
                xs: '"exchange currency remove" "amount amount amount"',
                sm: '"exchange currency amount remove"',
              },
            }}
          >
            <TextField
              select
              label="Exchange"
              value={line.exchange}
              sx={{ gridArea: 'exchange' }}
              onChange={({ target }) => {
                const there = free.filter(({ exchange }) => exchange === target.value)
                const same = there.find(({ currency }) => currency === line.currency)
                move(target.value, (same ?? there[0])?.currency ?? line.currency)
              }}
            >
              {exchanges.map((exchange) => (
                <MenuItem key={exchange} value={exchange}>
                  {exchange}
                </MenuItem>
              ))}
            </TextField>
            <TextField
              select
              label="Currency"
              value={line.currency}
              sx={{ gridArea: 'currency' }}
              onChange={({ target }) => move(line.exchange, target.value)}
            >
              {currencies.map((currency) => (
                <MenuItem key={currency} value={currency}>
                  {currency}
                </MenuItem>
              ))}
            </TextField>
            <Box sx={{ gridArea: 'amount' }}>
              <AmountField
                label={`${line.currency} of ${line.exchange}`}
                unit={line.currency}
                value={line.text}
                {...(most !== undefined && { max: most })}
                onChange={(text) => replace(at, { ...line, text })}
              />
            </Box>
            <IconButton
              aria-label={`Remove ${line.currency} of ${line.exchange}`}
              onClick={() => onChange(lines.filter((_, index) => index !== at))}
              sx={{ gridArea: 'remove' }}
            >
              <Close fontSize="small" />
            </IconButton>
          </Box>
        )
      })}
      {next !== undefined ? (
        <Button
          onClick={() =>
            onChange([...lines, { exchange: next.exchange, currency: next.currency, text: '' }])
          }
          sx={{ justifySelf: 'start' }}
        >
          + Add funds
        </Button>
      ) : (
        lines.length === 0 && (
          <Typography variant="body2" color="textSecondary">
            Nothing is unallocated here.
          </Typography>
        )
      )}
    </Box>
  )
}
