/** Rows under columns of their own; those that begin with a time are shown newest first. */
import { useMemo } from 'react'
import type { Cell, ComponentColumn } from '@/shared/api/runs'
import { type Column, Table } from '@/shared/ui/Table'
import { CellOf, heading } from './cells'
import { HEIGHT, type Shown } from './Components'

interface Row {
  key: number
  cells: readonly Cell[]
}

const WIDTHS: Record<ComponentColumn['type'], string> = {
  time: '144px',
  text: 'minmax(72px, 1fr)',
  amount: 'minmax(110px, 1fr)',
  number: 'minmax(96px, 1fr)',
}

const keyOf = ({ key }: Row) => key

export function DataTable({ format, data }: Pick<Shown, 'format' | 'data'>) {
  const { columns, title } = format
  const rows = useMemo(() => {
    const found = data.rows.map((cells, index) => ({ key: data.offset + index, cells }))
    return columns[0]?.type === 'time' ? found.reverse() : found
  }, [data, columns])
  const shown = useMemo(
    () =>
      columns.map((column, index): Column<Row> => {
        const { type } = column
        return {
          name: heading(column),
          width: WIDTHS[type],
          number: type === 'amount' || type === 'number',
          cell: ({ cells }) => <CellOf cell={cells[index] ?? null} type={type} />,
        }
      }),
    [columns],
  )
  return <Table label={title} columns={shown} rows={rows} keyOf={keyOf} height={`${HEIGHT}px`} />
}
