/** What a strategy asks: a number in a range, a number, a choice, something to do. */
import { Box, Button, InputAdornment, MenuItem, Slider, TextField, Typography } from '@mui/material'
import { useId, useState } from 'react'
import { type Amount, add, amount, multiply, pixels, subtract, typedAmount } from '@/shared/amount'
import { asProblem } from '@/shared/api/problem'
import type { ComponentFormat, Run } from '@/shared/api/runs'
import { grouped } from '@/shared/format'
import { Confirm, Word } from '@/shared/ui/parts'
import { useInput, useObstacle } from './useInput'

interface Asked {
  run: Run
  format: ComponentFormat
}

const INPUTS: Partial<Record<ComponentFormat['kind'], (asked: Asked) => React.ReactNode>> = {
  slider: NumberInput,
  number: NumberInput,
  select: SelectInput,
  button: PressInput,
}

export const isInput = ({ kind }: ComponentFormat): boolean => kind in INPUTS

export function Input({ run, format }: Asked) {
  const Kind = INPUTS[format.kind]
  return Kind === undefined ? null : <Kind run={run} format={format} />
}

const option = (format: ComponentFormat, name: string): string => {
  const value = format.options[name]
  return typeof value === 'string' ? value : ''
}

/** How a post stands, in words, with what the component holds. */
function Standing({
  id,
  pending,
  error,
  obstacle,
  holds,
}: {
  id: string
  pending: boolean
  error: unknown
  obstacle: string
  holds: string
}) {
  const refused = error === undefined ? '' : asProblem(error).message
  return (
    <Box id={id} role="status" sx={{ fontSize: 12, color: 'text.secondary', minHeight: 17, mt: 1 }}>
      {pending ? (
        <Word tone="accent">sending …</Word>
      ) : (
        <>
          {refused !== '' && (
            <>
              <Word tone="bad">refused</Word>: {refused.replace(/[.!?]?$/, '.')}{' '}
            </>
          )}
          {obstacle !== '' && `${obstacle} `}
          {holds}
        </>
      )}
    </Box>
  )
}

/** A slider with a field beside it, or a field alone. */
function NumberInput({ run, format }: Asked) {
  const { title } = format
  const input = useInput<Amount>(run.run_id, format)
  const obstacle = useObstacle(run)
  const [typed, setTyped] = useState<string | null>(null)
  const id = useId()
  const unit = option(format, 'unit')
  const held = amount(String(format.value))
  const shown = input.draft ?? held
  const read = typed === null ? null : typedAmount(typed)
  const wrong = typed !== null && read === null
  const disabled = obstacle !== ''
  const bounds = rangeOf(format)
  const set = () => {
    if (read === null) return
    setTyped(null)
    input.send(read)
  }
  return (
    <Box role="group" aria-label={title}>
      <Box sx={{ display: 'flex', alignItems: 'flex-start', gap: 4, flexWrap: 'wrap' }}>
        {format.kind === 'slider' && bounds !== null && (
          <Box sx={{ flex: '1 1 200px', px: 2 }}>
            <Box sx={{ fontSize: 13, ml: -2 }}>{title}</Box>
            <Slider
              size="small"
              aria-label={title}
              aria-describedby={id}
              disabled={disabled}
              min={0}
              max={bounds.steps}
              value={Math.round((pixels(shown) - pixels(bounds.low)) / pixels(bounds.step))}
              valueLabelDisplay="auto"
              getAriaValueText={(steps) => `${grouped(bounds.at(steps))} ${unit}`}
              valueLabelFormat={(steps) => `${grouped(bounds.at(steps))} ${unit}`}
              onChange={(_, steps) => input.send(bounds.at(steps), true)}
            />
          </Box>
        )}
        <Box sx={{ display: 'flex', gap: 2, alignItems: 'center' }}>
          <TextField
            label={format.kind === 'slider' ? 'exactly' : title}
            value={typed ?? shown}
            disabled={disabled}
            error={wrong}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') set()
              if (event.key === 'Escape') setTyped(null)
            }}
            slotProps={{
              htmlInput: {
                inputMode: 'decimal',
                autoComplete: 'off',
                'aria-describedby': id,
                ...(format.kind === 'slider' && { 'aria-label': `${title}, exactly` }),
              },
              inputLabel: { shrink: true },
              input: {
                endAdornment: unit && <InputAdornment position="end">{unit}</InputAdornment>,
                sx: { fontFamily: (t) => t.numbers },
              },
            }}
            sx={{ width: 180 }}
          />
          {typed !== null && (
            <Button variant="outlined" disabled={read === null || disabled} onClick={set}>
              Set
            </Button>
          )}
        </Box>
      </Box>
      <Standing
        id={id}
        pending={input.pending}
        error={input.error}
        obstacle={obstacle}
        holds={wrong ? 'This is not a number.' : `It holds ${grouped(held)}${unit && ` ${unit}`}.`}
      />
    </Box>
  )
}

/** The places of a slider: whole steps from its minimum on. */
function rangeOf(format: ComponentFormat) {
  const [low, high, step] = ['minimum', 'maximum', 'step'].map((name) => option(format, name))
  if (!low || !high || !step) return null
  const [from, by] = [amount(low), amount(step)]
  const steps = Math.floor(pixels(subtract(amount(high), from)) / pixels(by) + 1e-9)
  return {
    low: from,
    step: by,
    steps,
    at: (count: number) => add(from, multiply(by, amount(String(count)))),
  }
}

function SelectInput({ run, format }: Asked) {
  const input = useInput<string>(run.run_id, format)
  const obstacle = useObstacle(run)
  const id = useId()
  const held = String(format.value)
  const choices = format.options.choices as string[]
  return (
    <Box>
      <TextField
        select
        label={format.title}
        value={input.draft ?? held}
        disabled={obstacle !== ''}
        onChange={(event) => input.send(event.target.value)}
        slotProps={{ select: { SelectDisplayProps: { 'aria-describedby': id } } }}
        sx={{ maxWidth: 320 }}
      >
        {choices.map((choice) => (
          <MenuItem key={choice} value={choice}>
            {choice}
          </MenuItem>
        ))}
      </TextField>
      <Standing
        id={id}
        pending={input.pending}
        error={input.error}
        obstacle={obstacle}
        holds={`It stands at ${held}.`}
      />
    </Box>
  )
}

interface Press {
  name: string
  confirm: string
}

/** A press has a name, so that one that is sent twice counts once. */
function PressInput({ run, format }: Asked) {
  const input = useInput<string>(run.run_id, format)
  const obstacle = useObstacle(run)
  const [asking, setAsking] = useState<Press | null>(null)
  const id = useId()
  const start = (clicks: number) => {
    if (clicks > 1 || input.pending) return // the rest of a double click is no other press
    // What it is about and what is asked belong together, whatever is offered meanwhile.
    const name = option(format, 'press') || crypto.randomUUID()
    const confirm = option(format, 'confirm')
    if (confirm === '') input.send(name)
    else setAsking({ name, confirm })
  }
  return (
    <Box>
      <Button
        variant="outlined"
        disabled={obstacle !== ''}
        loading={input.pending}
        aria-describedby={id}
        onClick={(event) => start(event.detail)}
      >
        {format.title}
      </Button>
      <Standing
        id={id}
        pending={input.pending}
        error={input.error}
        obstacle={obstacle}
        holds={input.sent ? 'Done: the strategy has heard it.' : ''}
      />
      <Confirm
        open={asking !== null}
        title={format.title}
        verb={format.title}
        busy={false}
        onClose={() => setAsking(null)}
        onConfirm={() => {
          if (asking === null) return
          setAsking(null)
          input.send(asking.name)
        }}
      >
        <Typography>{asking?.confirm}</Typography>
        {run.mode === 'live' && (
          <Typography color="warning" sx={{ mt: 2 }}>
            This is real money.
          </Typography>
        )}
      </Confirm>
    </Box>
  )
}
