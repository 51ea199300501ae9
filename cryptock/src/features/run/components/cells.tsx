/** Cells as a person reads them: amounts exactly as they are, numbers as far as it matters. */
import { Box } from '@mui/material'
import { amount } from '@/shared/amount'
import type { Cell, ComponentColumn } from '@/shared/api/runs'
import { DASH, grouped, utc, wireTime } from '@/shared/format'

const DIGITS = 6 // that count, of a number for charts

/** A float for reading: without an exponent, without digits that say nothing. */
export function shownNumber(value: number): string {
  if (!Number.isFinite(value)) return '?'
  if (Math.abs(value) >= 1e21) return value.toExponential(DIGITS - 1)
  const digits = Math.max(0, DIGITS - 1 - Math.floor(Math.log10(Math.abs(value) || 1)))
  const text = value.toFixed(Math.min(12, digits))
  return grouped(amount(text.includes('.') ? text.replace(/\.?0+$/, '') : text))
}

export function cellText(cell: Cell, type: ComponentColumn['type']): string {
  if (cell === null || cell === '') return ''
  if (type === 'number') return shownNumber(Number(cell))
  if (type === 'amount') return grouped(amount(String(cell)))
  if (type === 'time') return utc(wireTime(String(cell))).slice(0, 19)
  return String(cell)
}

export function CellOf({ cell, type }: { cell: Cell; type: ComponentColumn['type'] }) {
  const text = cellText(cell, type)
  if (text === '' || text === '0')
    return (
      <Box component="span" sx={{ color: 'text.secondary' }}>
        {text === '' ? '' : DASH}
      </Box>
    )
  if (type === 'text') return <span title={text}>{text}</span>
  return (
    <Box component="span" sx={{ fontFamily: (t) => t.numbers }}>
      {text}
    </Box>
  )
}

/** `price (USD)`. */
export const heading = ({ name, type, unit }: ComponentColumn): string => {
  const words = name.replaceAll('_', ' ')
  const said = type === 'time' ? 'UTC' : unit
  return said === '' ? words : `${words} (${said})`
}
