/** Edit one filter: pick values, type a text, or give the ends of a range. */
import {
  Box,
  Button,
  Checkbox,
  FormControlLabel,
  Popover,
  TextField,
  Typography,
} from '@mui/material'
import { type ReactNode, useMemo, useState } from 'react'
import { typedAmount } from '../amount'
import { type GridColumn, orderOf, read } from './columns'
import type { Filter } from './filter'

const CHOICES_MAX = 200

export function FilterEditor<Row>({
  anchor,
  column,
  filter,
  rows,
  onChange,
  onClose,
}: {
  anchor: HTMLElement
  column: GridColumn<Row>
  filter: Filter | undefined
  rows: readonly Row[]
  /** With null there is no filter any more. */
  onChange: (filter: Filter | null) => void
  onClose: () => void
}) {
  const props = { column, filter, rows, onChange, onClose }
  return (
    <Popover
      open
      anchorEl={anchor}
      onClose={onClose}
      anchorOrigin={{ vertical: 'bottom', horizontal: 'left' }}
      slotProps={{
        paper: {
          role: 'dialog',
          'aria-label': `Filter by ${column.name}`,
          sx: { p: 4, width: 280 },
        },
      }}
    >
      {column.type === 'choice' ? (
        <Choices {...props} />
      ) : column.type === 'text' ? (
        <Contains {...props} />
      ) : (
        <Range {...props} />
      )}
    </Popover>
  )
}

type Props<Row> = Omit<Parameters<typeof FilterEditor<Row>>[0], 'anchor'>

function Choices<Row>({ column, filter, rows, onChange, onClose }: Props<Row>) {
  const [wanted, setWanted] = useState('')
  const all = useMemo(
    () => [...new Set(rows.map(column.value))].sort(orderOf(column)),
    [rows, column],
  )
  const chosen = filter?.kind === 'oneOf' ? filter.values : []
  const toggle = (value: string) => {
    const values = chosen.includes(value)
      ? chosen.filter((each) => each !== value)
      : [...chosen, value]
    onChange(values.length === 0 ? null : { column: column.id, kind: 'oneOf', values })
  }
  const found = all.filter((value) =>
    read(column, value).toLowerCase().includes(wanted.toLowerCase()),
  )
  return (
    <>
      {all.length > 8 && (
        <TextField
          autoFocus
          label={`Find in ${all.length}`}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          sx={{ mb: 2 }}
        />
      )}
      <Box sx={{ maxHeight: 280, overflow: 'auto' }}>
        {found.slice(0, CHOICES_MAX).map((value) => (
          <FormControlLabel
            key={value}
            sx={{ display: 'flex', m: 0 }}
            label={read(column, value)}
            control={
              <Checkbox
                size="small"
                sx={{ p: 1, mr: 1 }}
                checked={chosen.includes(value)}
                onChange={() => toggle(value)}
              />
            }
          />
        ))}
      </Box>
      {found.length === 0 && <Typography variant="body2">There is nothing to choose.</Typography>}
      <Box sx={{ display: 'flex', justifyContent: 'flex-end', mt: 2 }}>
        <Button onClick={onClose}>Done</Button>
      </Box>
    </>
  )
}

function Contains<Row>({ column, filter, onChange, onClose }: Props<Row>) {
  const [text, setText] = useState(filter?.kind === 'contains' ? filter.text : '')
  return (
    <Apply
      onApply={() => {
        onChange(text === '' ? null : { column: column.id, kind: 'contains', text })
        onClose()
      }}
    >
      <TextField
        autoFocus
        label={`${column.name} contains`}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </Apply>
  )
}

function Range<Row>({ column, filter, onChange, onClose }: Props<Row>) {
  const isTime = column.type === 'time'
  const known = filter?.kind === 'amounts' || filter?.kind === 'times' ? filter : undefined
  const shown = (end: string | undefined) => (isTime ? end?.slice(0, 16) : end) ?? ''
  const [from, setFrom] = useState(shown(known?.from))
  const [to, setTo] = useState(shown(known?.to))
  const wrong = (text: string) => !isTime && text !== '' && typedAmount(text) === null
  const apply = () => {
    const { id } = column
    const ends = (read: (text: string) => string | null) =>
      Object.fromEntries(
        Object.entries({ from, to }).flatMap(([name, text]) =>
          text === '' ? [] : [[name, read(text)]],
        ),
      )
    if (from === '' && to === '') onChange(null)
    else if (isTime)
      onChange({ column: id, kind: 'times', ...ends((text) => `${text}:00.000000Z`) })
    else onChange({ column: id, kind: 'amounts', ...ends(typedAmount) })
    onClose()
  }
  const field = (label: string, text: string, set: (text: string) => void) => (
    <TextField
      label={label}
      value={text}
      onChange={(event) => set(event.target.value)}
      error={wrong(text)}
      helperText={wrong(text) ? 'This is not an amount.' : undefined}
      {...(isTime && { type: 'datetime-local' })}
      slotProps={{
        inputLabel: { shrink: true },
        htmlInput: isTime ? {} : { inputMode: 'decimal', autoComplete: 'off' },
      }}
    />
  )
  return (
    <Apply onApply={apply} disabled={wrong(from) || wrong(to)}>
      {field(isTime ? 'From (UTC)' : 'At least', from, setFrom)}
      {field(isTime ? 'Before (UTC)' : 'At most', to, setTo)}
    </Apply>
  )
}

function Apply({
  onApply,
  disabled = false,
  children,
}: {
  onApply: () => void
  disabled?: boolean
  children: ReactNode
}) {
  return (
    <Box
      component="form"
      sx={{ display: 'grid', gap: 3 }}
      onSubmit={(event) => {
        event.preventDefault()
        if (!disabled) onApply()
      }}
    >
      {children}
      <Button type="submit" variant="contained" disabled={disabled}>
        Apply
      </Button>
    </Box>
  )
}
