/** What a grid is told of its columns, and the order of what is in them. */
import { amount, compare } from '../amount'
import type { Word } from '../ui/parts'

export type Tone = Parameters<typeof Word>[0]['tone']

export interface GridColumn<Row> {
  /** Stands in links and in saved views: it must not change. */
  id: string
  name: string
  /** In pixels. */
  width: number
  /** A choice has few values, which are filtered by picking some. */
  type: 'text' | 'choice' | 'amount' | 'time'
  /** Exact, as on the wire: amounts as decimal text, times as ISO 8601 in UTC; empty if there is none. */
  value: (row: Row) => string
  /** A value as a person reads it. */
  label?: (value: string) => string
  tone?: (row: Row) => Tone
  digits?: { max?: number; min?: number }
  /** What an amount is counted in: groups sum up amounts of one unit. */
  unit?: (row: Row) => string
}

const collator = new Intl.Collator('en', { numeric: true })

/** Unequal texts are never equal in it. */
function textOrder(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0)
}

/** What two values are compared by first; only where it is the same do they have to be compared exactly. */
export const roughly = (value: string): number => (value === '' ? -Infinity : Number(value))

function amountOrder(a: string, b: string): number {
  const [first, second] = [roughly(a), roughly(b)]
  if (first !== second) return first < second ? -1 : 1
  // A float has lost what is beyond its digits.
  return a === b || a === '' || b === '' ? 0 : compare(amount(a), amount(b))
}

const timeOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export type ValueOrder = (a: string, b: string) => number

/** How a column's values are ordered; no value comes first. */
export function orderOf({ type }: Pick<GridColumn<never>, 'type'>): ValueOrder {
  return type === 'amount' ? amountOrder : type === 'time' ? timeOrder : textOrder
}

/** The group that a row is in by a column; times are grouped by days. */
export function groupValue<Row>(column: GridColumn<Row>, row: Row): string {
  const value = column.value(row)
  return column.type === 'time' ? value.slice(0, 10) : value
}

export const isGroupable = ({ type }: Pick<GridColumn<never>, 'type'>): boolean => type !== 'amount'

/** A value in words. */
export function read<Row>({ label }: GridColumn<Row>, value: string): string {
  return value === '' ? 'none' : (label?.(value) ?? value)
}
