import { render, screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import { type Column, Table } from './Table'

interface Row {
  id: number
  size: string
}

const rowsOf = (count: number): Row[] =>
  Array.from({ length: count }, (_, at) => ({ id: at, size: `size ${at}` }))

function shown() {
  const cell = vi.fn((row: Row) => row.size)
  const columns: Column<Row>[] = [{ name: 'Size', width: '1fr', number: true, cell }]
  const table = (rows: readonly Row[], drawnBy = columns) => (
    <Table label="Sizes" columns={drawnBy} rows={rows} keyOf={({ id }) => id} height="320px" />
  )
  return { cell, columns, table }
}

describe('a table', () => {
  it('draws only rows that have changed, wherever they come to stand', () => {
    const { cell, table } = shown()
    const rows = rowsOf(5)
    const { rerender } = render(table(rows))
    expect(cell).toHaveBeenCalledTimes(5)
    cell.mockClear()
    rerender(table([{ id: 9, size: 'new' }, ...rows.with(3, { id: 3, size: 'changed' })]))
    expect(cell.mock.calls.map(([{ size }]) => size)).toEqual(['new', 'changed'])
    expect(screen.getAllByRole('cell').map(({ textContent }) => textContent)).toEqual([
      'new',
      'size 0',
      'size 1',
      'size 2',
      'changed',
      'size 4',
    ])
  })

  it('draws all rows where the columns are others', () => {
    const { table } = shown()
    const rows = rowsOf(2)
    const { rerender } = render(table(rows))
    rerender(table(rows, [{ name: 'Number', width: '1fr', cell: ({ id }) => `number ${id}` }]))
    expect(screen.getByRole('cell', { name: 'number 1' })).toBeInTheDocument()
  })

  it('makes no style of its own for each number of rows', () => {
    const { table } = shown()
    const { rerender } = render(table(rowsOf(300)))
    const styles = document.querySelectorAll('style').length
    for (const count of [301, 302, 303]) rerender(table(rowsOf(count)))
    expect(document.querySelectorAll('style')).toHaveLength(styles)
  })
})
