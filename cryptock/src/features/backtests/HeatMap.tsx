/** A grid of shaded values that is walked through by the keys of the arrows. */
import { Box } from '@mui/material'
import { useTheme } from '@mui/material/styles'
import { Fragment, type KeyboardEvent, useMemo, useRef, useState } from 'react'
import { DASH } from '@/shared/format'
import type { Heat, HeatCell } from './heat'
import { isDiverging, shader } from './palette'

export function HeatMap({
  label,
  heat,
  across,
  down,
  form,
  onOpen,
}: {
  label: string
  heat: Heat
  across: string
  down: string
  form: (value: number) => string
  onOpen: (cell: HeatCell) => void
}) {
  const { palette } = useTheme()
  const grid = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState({ row: 0, column: 0 })
  const values = useMemo(
    () => heat.cells.flat().flatMap(({ value }) => (value === null ? [] : [value])),
    [heat],
  )
  const shade = useMemo(() => shader(values, palette.mode), [values, palette.mode])
  const here = {
    row: Math.min(at.row, heat.rows.length - 1),
    column: Math.min(at.column, heat.columns.length - 1),
  }
  const go = (row: number, column: number) => {
    const next = {
      row: Math.min(Math.max(row, 0), heat.rows.length - 1),
      column: Math.min(Math.max(column, 0), heat.columns.length - 1),
    }
    setAt(next)
    grid.current?.querySelector<HTMLElement>(`[data-at="${next.row} ${next.column}"]`)?.focus()
  }
  const press = (event: KeyboardEvent, cell: HeatCell) => {
    const { row, column } = here
    const moves: Record<string, () => void> = {
      ArrowUp: () => go(row - 1, column),
      ArrowDown: () => go(row + 1, column),
      ArrowLeft: () => go(row, column - 1),
      ArrowRight: () => go(row, column + 1),
      Home: () => go(row, 0),
      End: () => go(row, heat.columns.length - 1),
      Enter: () => onOpen(cell),
      ' ': () => onOpen(cell),
    }
    const act = moves[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  }
  const head = { fontSize: 12, color: 'text.secondary', whiteSpace: 'nowrap' }
  return (
    <Box sx={{ overflowX: 'auto', pb: 1 }}>
      <Box
        ref={grid}
        role="grid"
        aria-label={label}
        sx={{
          display: 'grid',
          gap: '2px',
          width: 'max-content',
          minWidth: '100%',
          gridTemplateColumns: `max-content repeat(${heat.columns.length}, minmax(56px, 1fr))`,
        }}
      >
        <Box role="row" sx={{ display: 'contents' }}>
          <Box
            role="columnheader"
            sx={{ ...head, position: 'sticky', left: 0, bgcolor: 'background.paper', pr: 2 }}
          >
            {down} ↓ {across} →
          </Box>
          {heat.columns.map((text) => (
            <Box key={text} role="columnheader" sx={{ ...head, textAlign: 'center' }}>
              {text}
            </Box>
          ))}
        </Box>
        {heat.cells.map((cells, row) => (
          <Box key={heat.rows[row]} role="row" sx={{ display: 'contents' }}>
            <Box
              role="rowheader"
              sx={{
                ...head,
                position: 'sticky',
                left: 0,
                bgcolor: 'background.paper',
                pr: 2,
                textAlign: 'right',
                alignSelf: 'center',
              }}
            >
              {heat.rows[row]}
            </Box>
            {cells.map((cell, column) => {
              const shown = cell.value === null ? null : shade(cell.value)
              const text = cell.value === null ? DASH : form(cell.value)
              const name = `${across} ${heat.columns[column] ?? ''}, ${down} ${heat.rows[row] ?? ''}`
              return (
                <Fragment key={heat.columns[column]}>
                  <Box
                    role="gridcell"
                    data-at={`${row} ${column}`}
                    tabIndex={row === here.row && column === here.column ? 0 : -1}
                    aria-label={`${name}: ${cell.value === null ? 'no result' : text}`}
                    title={name}
                    onFocus={() => setAt({ row, column })}
                    onKeyDown={(event) => press(event, cell)}
                    onClick={() => onOpen(cell)}
                    sx={{
                      height: 36,
                      display: 'grid',
                      placeItems: 'center',
                      fontFamily: (t) => t.numbers,
                      fontSize: 12,
                      px: 1,
                      borderRadius: '4px',
                      cursor: cell.trials.length > 0 ? 'pointer' : 'default',
                      ...(shown
                        ? { bgcolor: shown.fill, color: shown.ink }
                        : { border: 1, borderColor: 'divider', color: 'text.secondary' }),
                      '&:hover, &:focus-visible': {
                        outline: ({ tokens }) => `2px solid ${tokens.text}`,
                        outlineOffset: 0,
                      },
                    }}
                  >
                    {text}
                  </Box>
                </Fragment>
              )
            })}
          </Box>
        ))}
      </Box>
      {values.length > 0 && <Scale values={values} form={form} />}
    </Box>
  )
}

const STEPS = 24

function Scale({ values, form }: { values: readonly number[]; form: (value: number) => string }) {
  const { palette } = useTheme()
  const shade = shader(values, palette.mode)
  const reach = Math.max(...values.map(Math.abs))
  const [low, high] = isDiverging(values)
    ? [-reach, reach]
    : [Math.min(...values), Math.max(...values)]
  const at = (index: number) => low + ((high - low) * index) / (STEPS - 1)
  return (
    <Box
      aria-hidden
      sx={{
        display: 'flex',
        alignItems: 'center',
        gap: 2,
        mt: 3,
        fontSize: 12,
        color: 'text.secondary',
      }}
    >
      {form(low)}
      <Box
        sx={{ display: 'flex', width: 180, height: 10, borderRadius: '4px', overflow: 'hidden' }}
      >
        {Array.from({ length: STEPS }, (_, index) => (
          <Box key={index} sx={{ flex: 1 }} style={{ background: shade(at(index)).fill }} />
        ))}
      </Box>
      {form(high)}
    </Box>
  )
}
