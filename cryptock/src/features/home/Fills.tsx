/** How a backtest sees the market: its bars, and how its orders are filled. */
import { Box, Button, InputAdornment, MenuItem, TextField } from '@mui/material'
import { useState } from 'react'
import { grouped } from '@/shared/format'
import { amount } from '@/shared/amount'
import { type Draft, type FillModel, LATENCY_MS, SLIPPAGE_BPS } from './draft'
import { barWords } from './words'

const MODELS: readonly (readonly [FillModel, string, string])[] = [
  [
    'next_open',
    'Next open',
    'Orders trade at the open of the next bar, limit orders where a bar goes through them. Quick, and a good first look.',
  ],
  [
    'bar_path',
    'Path of the bar',
    'Inside each bar the price goes from open over low and high to close, so that orders may fill within it. For bars that are long.',
  ],
  [
    'book',
    'Recorded books',
    'Orders meet the order books as they were recorded, with their depth and their queues. The most exact, where there are recordings.',
  ],
]

const BARS_S = [60, 300, 900, 1800, 3600, 14_400, 86_400]
const STORED = 'stored'

export function Fills({
  draft,
  storedS,
  hasRecordings,
  problem,
  onChange,
}: {
  draft: Draft
  /** Length of the bars that are kept; null where none are. */
  storedS: number | null
  hasRecordings: boolean
  problem: string
  onChange: (change: Partial<Draft>) => void
}) {
  const [open, setOpen] = useState(false)
  const { freqS, fillModel, latencyMs, slippageBps } = draft
  const lengths = BARS_S.filter((each) => storedS === null || each % storedS === 0)
  const usual = latencyMs === LATENCY_MS && slippageBps === SLIPPAGE_BPS
  const isOpen = open || problem !== '' || !usual
  const number = (label: string, unit: string, name: 'latencyMs' | 'slippageBps', help: string) => (
    <TextField
      label={label}
      value={draft[name]}
      error={problem !== ''}
      helperText={help}
      onChange={(event) => onChange({ [name]: event.target.value })}
      slotProps={{
        htmlInput: { inputMode: 'decimal', autoComplete: 'off' },
        input: {
          endAdornment: <InputAdornment position="end">{unit}</InputAdornment>,
          sx: { fontFamily: (t) => t.numbers },
        },
      }}
    />
  )
  return (
    <Box sx={{ display: 'grid', gap: 3 }}>
      <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: { sm: '1fr 2fr' } }}>
        <TextField
          select
          label="Bars of"
          value={freqS ?? STORED}
          onChange={({ target }) =>
            onChange({ freqS: target.value === STORED ? null : Number(target.value) })
          }
        >
          <MenuItem value={STORED}>
            {storedS === null ? 'their usual length' : `${barWords(storedS)}, as kept`}
          </MenuItem>
          {[...new Set([...lengths, ...(freqS === null ? [] : [freqS])])]
            .filter((each) => each !== storedS || each === freqS)
            .map((each) => (
              <MenuItem key={each} value={each}>
                {barWords(each)}
              </MenuItem>
            ))}
        </TextField>
        <TextField
          select
          label="Orders are filled by"
          value={fillModel}
          onChange={({ target }) => onChange({ fillModel: target.value as FillModel })}
          helperText={MODELS.find(([model]) => model === fillModel)?.[2]}
        >
          {MODELS.map(([model, name]) => (
            <MenuItem
              key={model}
              value={model}
              disabled={model === 'book' && !hasRecordings && fillModel !== 'book'}
            >
              {name}
              {model === 'book' && !hasRecordings && ': none is recorded'}
            </MenuItem>
          ))}
        </TextField>
      </Box>
      {isOpen ? (
        <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: { sm: '1fr 1fr' } }}>
          {number('Latency', 'ms', 'latencyMs', 'From sending an order to its arrival.')}
          {fillModel !== 'book' &&
            number('Slippage', 'bp', 'slippageBps', 'Worse than the bar’s price, for who takes.')}
        </Box>
      ) : (
        <Button aria-expanded={false} onClick={() => setOpen(true)} sx={{ justifySelf: 'start' }}>
          Latency {grouped(amount(LATENCY_MS))} ms, no slippage
        </Button>
      )}
      {problem !== '' && (
        <Box role="alert" sx={{ color: 'error.main', fontSize: 12 }}>
          {problem}
        </Box>
      )}
    </Box>
  )
}
