/** An amount by slider or typed, that can't leave its bounds. */
import { Box, InputAdornment, Slider, TextField } from '@mui/material'
import { useState } from 'react'
import {
  type Amount,
  amount,
  compare,
  isMultiple,
  portion,
  share,
  sign,
  typedAmount,
} from '../amount'
import { grouped } from '../format'

/** Why an amount can't be used; empty if it can. */
export function problemOf(
  value: Amount | null,
  limits: { max?: Amount; step?: Amount; min?: Amount },
): string {
  if (value === null) return 'This is not an amount.'
  if (sign(value) < 0) return 'It can’t be negative.'
  if (limits.max !== undefined && compare(value, limits.max) > 0)
    return `At most ${grouped(limits.max)}.`
  if (limits.min !== undefined && compare(value, limits.min) < 0)
    return `At least ${grouped(limits.min)}.`
  if (limits.step !== undefined && !isMultiple(value, limits.step))
    return `In steps of ${limits.step}.`
  return ''
}

const STEP = amount('0.00000001')

export function AmountField({
  label,
  unit,
  value,
  max,
  step,
  onChange,
  required = true,
}: {
  label: string
  unit: string
  value: string
  max?: Amount
  step?: Amount
  required?: boolean
  onChange: (text: string) => void
}) {
  const [touched, setTouched] = useState(false)
  const typed = typedAmount(value)
  const empty = value.trim() === ''
  const problem = empty ? '' : problemOf(typed, { ...(max && { max }), ...(step && { step }) })
  return (
    <Box sx={{ minWidth: 0 }}>
      <TextField
        label={label}
        value={value}
        required={required}
        error={problem !== '' && (touched || typed !== null)}
        helperText={problem || (max === undefined ? ' ' : `of ${grouped(max)} ${unit}`)}
        onChange={(event) => onChange(event.target.value)}
        onBlur={() => {
          setTouched(true)
          // What is too much becomes all there is.
          if (typed !== null && max !== undefined && compare(typed, max) > 0) onChange(max)
        }}
        slotProps={{
          htmlInput: { inputMode: 'decimal', autoComplete: 'off' },
          input: {
            endAdornment: <InputAdornment position="end">{unit}</InputAdornment>,
            sx: { fontFamily: (t) => t.numbers },
          },
        }}
      />
      {max !== undefined && (
        <Slider
          aria-label={`${label} as a share of what there is`}
          size="small"
          min={0}
          max={1000}
          disabled={sign(max) <= 0}
          value={typed === null ? 0 : Math.round(share(typed, max) * 1000)}
          valueLabelDisplay="auto"
          valueLabelFormat={(thousandths) => `${thousandths / 10} %`}
          onChange={(_, thousandths) => onChange(portion(max, thousandths, step ?? STEP))}
          sx={{ mx: 2, width: 'calc(100% - 16px)', mt: -1 }}
        />
      )}
    </Box>
  )
}
