/** Rows under columns of their own; those that begin with a time are shown newest first. */
import { useMemo } from 'react'
import type { Cell, ComponentColumn } from '@/shared/api/runs'
import { type Column, Table } from '@/shared/ui/Table'
import { CellOf, cellText, heading } from './cells'
import { HEIGHT, type Shown } from './Components'

interface Row {
  key: number
  cells: readonly Cell[]
}

const LETTER_PX = 8
const LETTERS_MIN = 5
const LETTERS_MAX = 48
const LOOKED_AT = 200

/** As wide as the newest cells need: all rows have the same tracks, whatever is in them. */
function widthOf(column: ComponentColumn, index: number, rows: readonly Row[]): string {
  let letters = Math.max(LETTERS_MIN, heading(column).length)
  for (const { cells } of rows.slice(0, LOOKED_AT))
    letters = Math.max(letters, cellText(cells[index] ?? null, column.type).length)
  const px = Math.min(LETTERS_MAX, letters) * LETTER_PX
  return `minmax(${px}px, ${px}fr)`
}

const keyOf = ({ key }: Row) => key

export function DataTable({ format, data }: Pick<Shown, 'format' | 'data'>) {
  const { columns, title } = format
  const rows = useMemo(() => {
    const found = data.rows.map((cells, index) => ({ key: data.offset + index, cells }))
    return columns[0]?.type === 'time' ? found.reverse() : found
  }, [data, columns])
  const tracks = columns.map((column, index) => widthOf(column, index, rows)).join(';')
  const shown = useMemo(() => {
    const widths = tracks.split(';')
    return columns.map((column, index): Column<Row> => {
      const { type } = column
      return {
        name: heading(column),
        width: widths[index] ?? 'auto',
        number: type === 'amount' || type === 'number',
        cell: ({ cells }) => <CellOf cell={cells[index] ?? null} type={type} />,
      }
    })
  }, [columns, tracks])
  return <Table label={title} columns={shown} rows={rows} keyOf={keyOf} height={`${HEIGHT}px`} />
}
