/** The lines of a grid that are seen, below its head; scrolling draws nothing else. */
import { Box } from '@mui/material'
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useLayoutEffect,
} from 'react'
import { GroupLine, RowLine } from './Cells'
import type { GridColumn } from './columns'
import type { Lines } from './lines'
import { GAP_PX, gridStyle, LINE_PX } from './style'

/** The line of the head. */
export const HEAD = -1

/** More lines are never drawn at once, so that each has its own element. */
const DRAWN_MAX = 256

export function Scroller<Row>({
  id,
  label,
  lines,
  columns,
  depth,
  busy,
  height,
  at,
  isSelected,
  scroller,
  onFocus,
  onPress,
  onScroll,
  onClick,
  children,
}: {
  /** The ids of cells begin with it. */
  id: string
  label: string
  lines: Lines<Row>
  columns: readonly GridColumn<Row>[]
  /** How many groups are within another. */
  depth: number
  busy: boolean
  height: string
  /** Where the keyboard is. */
  at: { line: number; column: number } | null
  isSelected: (row: Row) => boolean
  scroller: RefObject<HTMLDivElement | null>
  onFocus: () => void
  /** A key was pressed in the grid itself, and not in something within it. */
  onPress: (event: KeyboardEvent<HTMLElement>) => void
  onScroll: () => void
  onClick: (event: MouseEvent<HTMLElement>) => void
  /** The head. */
  children: ReactNode
}) {
  const virtual = useVirtualizer({
    count: lines.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 6,
    initialRect: { width: 800, height: 600 },
  })
  const items = virtual.getVirtualItems()
  const first = items[0]?.index ?? 0
  const isDrawn = at !== null && (at.line === HEAD || items.some(({ index }) => index === at.line))
  const active = isDrawn ? `${id}-${at.line}-${at.column}` : undefined
  const own = (event: { target: unknown; currentTarget: unknown }) =>
    event.target === event.currentTarget
  // What has been scrolled away is not there to be pointed at.
  useLayoutEffect(() => {
    if (active !== undefined && document.getElementById(active) === null)
      scroller.current?.removeAttribute('aria-activedescendant')
  })
  return (
    <Box
      ref={scroller}
      role={depth > 0 ? 'treegrid' : 'grid'}
      aria-label={label}
      aria-rowcount={lines.count + 1}
      aria-colcount={columns.length}
      aria-busy={busy}
      aria-activedescendant={active}
      tabIndex={0}
      onFocus={(event) => own(event) && onFocus()}
      onKeyDown={(event) => own(event) && onPress(event)}
      onScroll={onScroll}
      sx={gridStyle}
      style={{
        height,
        ['--width' as string]: `${columns.reduce((sum, { width }) => sum + width + GAP_PX, GAP_PX)}px`,
        ['--tracks' as string]: columns
          .map(({ width }) => `minmax(${width}px, ${width}fr)`)
          .join(' '),
      }}
    >
      {children}
      <div
        role="rowgroup"
        className="body"
        style={{ height: virtual.getTotalSize() }}
        onClick={onClick}
      >
        <div role="presentation" style={{ transform: `translateY(${first * LINE_PX}px)` }}>
          {items.map(({ index }) => {
            const line = lines.at(index)
            if (line === null) return null
            const props = { id, index, columns, at: at?.line === index ? at.column : -1 }
            // Elements are used again for other lines: making new ones takes longer than a frame.
            const key = index % DRAWN_MAX
            return line.group === undefined ? (
              <RowLine
                key={key}
                {...props}
                row={line.row}
                level={depth}
                selected={isSelected(line.row)}
              />
            ) : (
              <GroupLine key={key} {...props} group={line.group} />
            )
          })}
        </div>
      </div>
    </Box>
  )
}
