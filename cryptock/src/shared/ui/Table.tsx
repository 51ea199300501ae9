/** Tables whose rows keep their height and are drawn only where they are seen. */
import { Box, ButtonBase } from '@mui/material'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, memo, type ReactNode, useRef } from 'react'

export interface Column<Row> {
  name: string
  /** A track of CSS grid: fixed, so that what changes does not move its neighbours. */
  width: string
  number?: boolean
  /** Of a table that is sorted by this column. */
  sorted?: 'ascending' | 'descending' | undefined
  onSort?: () => void
  cell: (row: Row) => ReactNode
}

export const ROW_PX = 32

export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  height,
  selected,
  onOpen,
}: {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string | number
  /** Height at most, in CSS; without it all rows are drawn. */
  height?: string
  selected?: string | number | undefined
  onOpen?: (row: Row) => void
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    enabled: height !== undefined,
    initialRect: { width: 800, height: 600 },
  })
  const shown =
    height === undefined
      ? rows.map((_, index) => index)
      : virtual.getVirtualItems().map(({ index }) => index)
  const first = shown[0] ?? 0
  const tracks = columns.map(({ width }) => width).join(' ')
  const line = {
    display: 'grid',
    gridTemplateColumns: tracks,
    columnGap: 3,
    alignItems: 'center',
    height: ROW_PX,
    px: 2,
    // As wide as its columns at least, whatever is in them: so the head stands over the cells.
    minWidth: 'min-content',
    borderBottom: 1,
    borderColor: 'divider',
    '& > [role=cell]': { whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' },
    '& > .number': { textAlign: 'right' },
  }
  return (
    <Box
      ref={scroller}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      sx={{ overflow: 'auto', maxHeight: height, fontSize: 13 }}
    >
      <Box
        role="row"
        aria-rowindex={1}
        sx={{
          ...line,
          position: 'sticky',
          top: 0,
          bgcolor: 'background.paper',
          color: 'text.secondary',
          fontSize: 12,
          zIndex: 1,
        }}
      >
        {columns.map(({ name, number, sorted, onSort }) => (
          <Box
            key={name}
            role="columnheader"
            aria-sort={sorted}
            className={number ? 'number' : undefined}
            sx={{ whiteSpace: 'nowrap' }}
          >
            {onSort === undefined ? (
              name
            ) : (
              <ButtonBase
                onClick={onSort}
                sx={{ font: 'inherit', color: 'inherit', verticalAlign: 'baseline' }}
              >
                {name}
                {sorted !== undefined && (sorted === 'ascending' ? ' ↑' : ' ↓')}
              </ButtonBase>
            )}
          </Box>
        ))}
      </Box>
      <Box
        role="rowgroup"
        sx={{ position: 'relative', minWidth: 'min-content' }}
        style={height === undefined ? {} : { height: virtual.getTotalSize() }}
      >
        <Box
          role="presentation"
          style={height === undefined ? {} : { transform: `translateY(${first * ROW_PX}px)` }}
        >
          {shown.map((index) => {
            const row = rows[index]
            if (row === undefined) return null
            const key = keyOf(row)
            return (
              <Box
                key={key}
                role="row"
                aria-rowindex={index + 2}
                aria-selected={selected === undefined ? undefined : key === selected}
                tabIndex={onOpen ? 0 : undefined}
                onClick={onOpen && (() => onOpen(row))}
                onKeyDown={
                  onOpen &&
                  ((event: KeyboardEvent) => {
                    if (event.key === 'Enter' && event.target === event.currentTarget) onOpen(row)
                  })
                }
                sx={{
                  ...line,
                  ...(onOpen && { cursor: 'pointer', '&:hover': { bgcolor: 'action.hover' } }),
                  ...(key === selected && { bgcolor: 'action.selected' }),
                }}
              >
                <Cells columns={columns} row={row} />
              </Box>
            )
          })}
        </Box>
      </Box>
    </Box>
  )
}

function CellsOf<Row>({ columns, row }: { columns: readonly Column<Row>[]; row: Row }): ReactNode {
  return columns.map(({ name, number, cell }) => (
    <div key={name} role="cell" className={number ? 'number' : undefined}>
      {cell(row)}
    </div>
  ))
}

/** Drawn anew only where the row or the columns are others: rows come by the hundred a second. */
const Cells = memo(CellsOf) as typeof CellsOf
