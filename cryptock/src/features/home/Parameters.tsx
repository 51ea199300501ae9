/** The settings of a strategy, as its schema describes them. */
import Replay from '@mui/icons-material/Replay'
import {
  Box,
  Button,
  FormControlLabel,
  FormHelperText,
  IconButton,
  InputAdornment,
  MenuItem,
  Switch,
  TextField,
} from '@mui/material'
import { useState } from 'react'
import type { Parameter } from '@/shared/api/runs'
import { count } from '@/shared/format'
import { defaultText, problemOf, rangeOf, titleOf } from './parameters'

/** So many are shown at once; where there are more, the others are folded. */
const SHOWN = 6

interface Refusal {
  name: string
  what: string
}

export function Parameters({
  parameters,
  values,
  refused,
  onChange,
}: {
  parameters: readonly Parameter[]
  /** What differs from the defaults, by name. */
  values: Record<string, string>
  /** What the service has said against one of them. */
  refused: Refusal | null
  onChange: (values: Record<string, string>) => void
}) {
  const [open, setOpen] = useState(false)
  if (parameters.length === 0) return null
  const first = parameters.length <= SHOWN + 1 ? parameters : parameters.slice(0, SHOWN)
  const rest = parameters.slice(first.length)
  const shown = open
    ? parameters
    : // What is not as usual, or wrong, is never hidden.
      [...first, ...rest.filter(({ name }) => name in values || name === refused?.name)]
  const set = (parameter: Parameter, text: string | null) => {
    const others = Object.entries(values).filter(([name]) => name !== parameter.name)
    const isUsual = text === null || text === defaultText(parameter)
    onChange(Object.fromEntries(isUsual ? others : [...others, [parameter.name, text]]))
  }
  const changed = Object.keys(values).length
  return (
    <Box role="group" aria-label="Settings">
      <Box sx={{ display: 'grid', gap: 3, gridTemplateColumns: { sm: '1fr 1fr' } }}>
        {shown.map((parameter) => (
          <Field
            key={parameter.name}
            parameter={parameter}
            text={values[parameter.name] ?? defaultText(parameter)}
            changed={parameter.name in values}
            refused={parameter.name === refused?.name ? refused.what : ''}
            onChange={(text) => set(parameter, text)}
            onReset={() => set(parameter, null)}
          />
        ))}
      </Box>
      <Box sx={{ display: 'flex', gap: 2, mt: 2, flexWrap: 'wrap' }}>
        {rest.length > 0 && (
          <Button aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? 'Fewer settings' : count(parameters.length - shown.length, 'more setting')}
          </Button>
        )}
        {changed > 0 && (
          <Button color="inherit" onClick={() => onChange({})}>
            Reset {count(changed, 'changed setting')}
          </Button>
        )}
      </Box>
    </Box>
  )
}

function Field({
  parameter,
  text,
  changed,
  refused,
  onChange,
  onReset,
}: {
  parameter: Parameter
  text: string
  changed: boolean
  refused: string
  onChange: (text: string) => void
  onReset: () => void
}) {
  const { type, unit, choices, help } = parameter
  const title = titleOf(parameter)
  const problem = refused || problemOf(parameter, text)
  const range = rangeOf(parameter)
  const told =
    problem || [sentence(help), range && `${sentence(range)}.`].filter(Boolean).join('. ')
  const reset = changed && (
    <IconButton
      size="small"
      aria-label={`Reset ${title} to ${defaultText(parameter) || 'empty'}`}
      onClick={onReset}
    >
      <Replay fontSize="inherit" />
    </IconButton>
  )
  if (type === 'boolean')
    return (
      <Box>
        <FormControlLabel
          control={
            <Switch
              size="small"
              checked={text === 'true'}
              onChange={(_, on) => onChange(String(on))}
              sx={{ mx: 1 }}
            />
          }
          label={<Title title={title} changed={changed} />}
          slotProps={{ typography: { variant: 'body2' } }}
        />
        {reset}
        <FormHelperText error={problem !== ''} sx={{ mx: 3.5 }}>
          {told}
        </FormHelperText>
      </Box>
    )
  return (
    <TextField
      label={<Title title={title} changed={changed} />}
      value={text}
      error={problem !== ''}
      helperText={told}
      onChange={(event) => onChange(event.target.value)}
      select={type === 'string' && choices !== null}
      slotProps={{
        htmlInput: {
          autoComplete: 'off',
          ...(type === 'integer' && { inputMode: 'numeric' }),
          ...((type === 'number' || type === 'decimal') && { inputMode: 'decimal' }),
        },
        input: {
          endAdornment: (
            <InputAdornment position="end" sx={choices === null ? {} : { mr: 4 }}>
              <Box component="span" sx={{ color: 'text.secondary' }}>
                {unit}
              </Box>
              {reset}
            </InputAdornment>
          ),
          sx: { fontFamily: (t) => (type === 'string' ? undefined : t.numbers) },
        },
        inputLabel: { shrink: true },
      }}
    >
      {(type === 'string' ? choices : null)?.map((choice) => (
        <MenuItem key={choice} value={choice}>
          {choice}
        </MenuItem>
      ))}
    </TextField>
  )
}

function Title({ title, changed }: { title: string; changed: boolean }) {
  return (
    <>
      {title}
      {changed && (
        <Box component="span" sx={{ color: 'primary.main', fontWeight: 600 }}>
          {' '}
          · changed
        </Box>
      )}
    </>
  )
}

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)
