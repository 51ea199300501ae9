/** Which rows of a grid are shown. */
import { type Amount, amount } from '../amount'
import { grouped } from '../format'
import { type GridColumn, orderOf, read } from './columns'

export type Filter = { column: string } & (
  | { kind: 'contains'; text: string }
  | { kind: 'oneOf'; values: readonly string[] }
  /** Both ends are within it. */
  | { kind: 'amounts'; from?: Amount; to?: Amount }
  /** In ISO 8601, UTC; the end is not within it. */
  | { kind: 'times'; from?: string; to?: string }
)

type Fits<Row> = (row: Row) => boolean

/** Whether rows fit all filters; those of columns that there are not are left out. */
export function fitting<Row>(
  filters: readonly Filter[],
  columns: readonly GridColumn<Row>[],
): Fits<Row> {
  const all = filters.flatMap((filter) => {
    const column = columns.find(({ id }) => id === filter.column)
    return column === undefined ? [] : [fits(filter, column)]
  })
  return (row) => all.every((each) => each(row))
}

function fits<Row>(filter: Filter, column: GridColumn<Row>): Fits<Row> {
  const { value, label } = column
  switch (filter.kind) {
    case 'contains': {
      const wanted = filter.text.toLowerCase()
      return (row) => {
        const text = value(row)
        return (
          text.toLowerCase().includes(wanted) ||
          (label !== undefined && label(text).toLowerCase().includes(wanted))
        )
      }
    }
    case 'oneOf': {
      const wanted = new Set(filter.values)
      return (row) => wanted.has(value(row))
    }
    case 'amounts':
    case 'times': {
      const { from, to, kind } = filter
      const order = orderOf(column)
      return (row) => {
        const text = value(row)
        if (text === '') return false
        if (from !== undefined && order(text, from) < 0) return false
        if (to === undefined) return true
        const beyond = order(text, to)
        return kind === 'times' ? beyond < 0 : beyond <= 0
      }
    }
  }
}

/** A filter in words, such as `Pair is BTC/USD or ETH/USD`. */
export function words<Row>(filter: Filter, column: GridColumn<Row>): string {
  const { name } = column
  switch (filter.kind) {
    case 'contains':
      return `${name} contains “${filter.text}”`
    case 'oneOf': {
      const [first, ...others] = filter.values.map((value) => read(column, value))
      if (others.length > 2) return `${name} is ${first ?? ''} or ${others.length} others`
      return `${name} is ${[first, ...others].join(' or ')}`
    }
    case 'amounts':
      return range(name, filter.from && grouped(filter.from), filter.to && grouped(filter.to))
    case 'times':
      return range(name, clock(filter.from), clock(filter.to))
  }
}

function range(name: string, from: string | undefined, to: string | undefined): string {
  return [name, from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(' ')
}

const clock = (iso: string | undefined): string | undefined =>
  iso && iso.slice(0, 16).replace('T', ' ')

/** What somebody wrote of a filter, if it is one. */
export function asFilter(read: unknown): Filter | null {
  if (typeof read !== 'object' || read === null) return null
  const { column, kind, text, values, from, to } = read as Record<string, unknown>
  const isText = (each: unknown): each is string => typeof each === 'string'
  if (!isText(column)) return null
  if (kind === 'contains' && isText(text)) return { column, kind, text }
  if (kind === 'oneOf' && Array.isArray(values) && values.every(isText))
    return { column, kind, values }
  const ends = { ...(isText(from) && { from }), ...(isText(to) && { to }) }
  if (kind === 'times') return { column, kind, ...ends }
  if (kind !== 'amounts') return null
  try {
    for (const end of Object.values(ends)) amount(end)
  } catch {
    return null
  }
  return { column, kind, ...ends } as Filter
}
