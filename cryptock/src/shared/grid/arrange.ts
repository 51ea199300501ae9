/**
 * The rows of a grid filtered, sorted and grouped.
 *
 * All of it at once takes a while for many rows, so it is done in steps; where few rows have changed
 * it is done for those alone. Rows come in the order of their numbers, the highest first, and that is
 * their order where they are sorted by nothing else.
 */
import { type Amount, amount, ExactSum } from '../amount'
import {
  type GridColumn,
  groupValue,
  isGroupable,
  orderOf,
  roughly,
  type ValueOrder,
} from './columns'
import { fitting } from './filter'
import type { GridView } from './view'

/** How many rows are looked at between two yields. */
const STEP = 2000

interface Criterion<Row> {
  value: (row: Row) => string
  order: ValueOrder
  type: GridColumn<Row>['type']
  sign: 1 | -1
}

export interface Plan<Row> {
  numberOf: (row: Row) => number
  fits: (row: Row) => boolean
  criteria: readonly Criterion<Row>[]
  groups: readonly GridColumn<Row>[]
  sums: readonly GridColumn<Row>[]
}

export interface Arrangement<Row> {
  /** All rows that it was made of. */
  source: readonly Row[]
  /** Those that fit, in order; rows of a group are together. */
  rows: readonly Row[]
  /** By the path of a group. */
  tallies: ReadonlyMap<string, Tally<Row>>
}

export const NOTHING: Arrangement<never> = { source: [], rows: [], tallies: new Map() }

/** How many rows are in a group, and the sums of their amounts by column and unit. */
export class Tally<Row> {
  count = 0
  readonly #sums = new Map<string, Map<string, { sum: ExactSum; rows: number }>>()

  /** Take a row in, or out again. */
  add(row: Row, columns: readonly GridColumn<Row>[], sign: 1 | -1): void {
    this.count += sign
    for (const { id, value, unit } of columns) {
      const text = value(row)
      if (text === '') continue
      const name = unit?.(row) ?? ''
      const units = this.#sums.get(id) ?? new Map<string, { sum: ExactSum; rows: number }>()
      this.#sums.set(id, units)
      const entry = units.get(name) ?? { sum: new ExactSum(), rows: 0 }
      entry.rows += sign
      entry.sum[sign === 1 ? 'add' : 'subtract'](amount(text))
      if (entry.rows === 0) units.delete(name)
      else units.set(name, entry)
    }
  }

  /** The sum of a column's amounts for each unit. */
  sums(column: string): [unit: string, sum: Amount][] {
    return [...(this.#sums.get(column) ?? [])].map(([unit, { sum }]) => [unit, sum.amount()])
  }

  copy(): Tally<Row> {
    const made = new Tally<Row>()
    made.count = this.count
    for (const [id, units] of this.#sums)
      made.#sums.set(
        id,
        new Map([...units].map(([unit, { sum, rows }]) => [unit, { sum: sum.copy(), rows }])),
      )
    return made
  }
}

export function planOf<Row>(
  { sort, filters, groups }: Pick<GridView, 'sort' | 'filters' | 'groups'>,
  columns: readonly GridColumn<Row>[],
  numberOf: (row: Row) => number,
): Plan<Row> {
  const named = (id: string) => columns.filter((column) => column.id === id)
  const within = groups.flatMap(named).filter(isGroupable)
  const byGroups = within.map((column): Criterion<Row> => {
    const own = sort.find((each) => each.column === column.id)
    return {
      value: (row) => groupValue(column, row),
      order: orderOf(column),
      type: column.type,
      sign: (own?.descending ?? column.type === 'time') ? -1 : 1,
    }
  })
  const byValues = sort.flatMap(({ column: id, descending }) =>
    named(id).map((column): Criterion<Row> => ({
      value: column.value,
      order: orderOf(column),
      type: column.type,
      sign: descending ? -1 : 1,
    })),
  )
  return {
    numberOf,
    fits: fitting(filters, columns),
    criteria: [...byGroups, ...byValues],
    groups: within,
    sums: within.length === 0 ? [] : columns.filter(({ unit }) => unit !== undefined),
  }
}

/** The order of two rows; rows of different numbers are never equal in it. */
export function compareRows<Row>({ criteria, numberOf }: Plan<Row>, a: Row, b: Row): number {
  for (const { value, order, sign } of criteria) {
    const found = order(value(a), value(b))
    if (found !== 0) return found * sign
  }
  return numberOf(b) - numberOf(a)
}

/** Arrange all rows, a step at a time. */
export function* arrange<Row>(
  source: readonly Row[],
  plan: Plan<Row>,
): Generator<undefined, Arrangement<Row>> {
  const found: Row[] = []
  for (const [at, row] of source.entries()) {
    if (plan.fits(row)) found.push(row)
    if (at % STEP === STEP - 1) yield
  }
  const rows = plan.criteria.length === 0 ? found : yield* inOrder(found, plan)
  const tallies = new Map<string, Tally<Row>>()
  if (plan.groups.length > 0)
    for (const [at, row] of rows.entries()) {
      for (const path of pathsOf(row, plan)) {
        const tally = tallies.get(path) ?? new Tally<Row>()
        tallies.set(path, tally)
        tally.add(row, plan.sums, 1)
      }
      if (at % 500 === 499) yield
    }
  return { source, rows, tallies }
}

function* inOrder<Row>(rows: readonly Row[], plan: Plan<Row>): Generator<undefined, Row[]> {
  // Comparing numbers found once is much faster than comparing values each time.
  const keys: {
    of: readonly number[] | readonly string[]
    sign: 1 | -1
    exact: readonly string[]
  }[] = []
  for (const { value, order, type, sign } of plan.criteria) {
    const values: string[] = []
    for (const [at, row] of rows.entries()) {
      values.push(value(row))
      if (at % STEP === STEP - 1) yield
    }
    if (type === 'amount') keys.push({ of: values.map(roughly), sign, exact: values })
    else if (type === 'time') keys.push({ of: values, sign, exact: [] })
    else {
      const ranked = yield* sorted([...new Set(values)], order)
      const ranks = new Map(ranked.map((each, rank) => [each, rank]))
      keys.push({ of: values.map((each) => ranks.get(each) ?? 0), sign, exact: [] })
    }
    yield
  }
  const amountOrder = orderOf({ type: 'amount' })
  const places = yield* sorted([...rows.keys()], (a, b) => {
    for (const { of, sign, exact } of keys) {
      const [first, second] = [of[a] ?? 0, of[b] ?? 0]
      if (first < second) return -sign
      if (first > second) return sign
      const found = exact.length === 0 ? 0 : amountOrder(exact[a] ?? '', exact[b] ?? '')
      if (found !== 0) return found * sign
    }
    return a - b
  })
  return places.flatMap((place) => rows[place] ?? [])
}

/** Sort by merging, a step at a time. */
export function* sorted<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<undefined, T[]> {
  let runs: T[][] = []
  for (let start = 0; start < items.length; start += STEP) {
    runs.push(items.slice(start, start + STEP).sort(compare))
    yield
  }
  while (runs.length > 1) {
    const next: T[][] = []
    for (let at = 0; at < runs.length; at += 2) {
      const [a = [], b = []] = [runs[at], runs[at + 1]]
      next.push(yield* merged(a, b, compare))
    }
    runs = next
  }
  return runs[0] ?? []
}

function* merged<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
): Generator<undefined, T[]> {
  const out: T[] = []
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) {
    const [first, second] = [a[i] as T, b[j] as T]
    if (compare(first, second) <= 0) {
      out.push(first)
      i += 1
    } else {
      out.push(second)
      j += 1
    }
    if (out.length % STEP === 0) yield
  }
  for (; i < a.length; i += 1) out.push(a[i] as T)
  for (; j < b.length; j += 1) out.push(b[j] as T)
  return out
}

/** Arrange what has changed; null if more than `most` rows have, so that all is arranged anew sooner. */
export function update<Row>(
  before: Arrangement<Row>,
  source: readonly Row[],
  plan: Plan<Row>,
  most: number,
): Arrangement<Row> | null {
  if (source === before.source) return before
  const changed = difference(before.source, source, plan.numberOf, most)
  if (changed === null) return null
  const gone = changed.gone.filter(plan.fits)
  const added = changed.added.filter(plan.fits)
  if (gone.length === 0 && added.length === 0) return { ...before, source }
  const leaving = new Set(gone)
  const kept = gone.length === 0 ? before.rows : before.rows.filter((row) => !leaving.has(row))
  added.sort((a, b) => compareRows(plan, a, b))
  const rows: Row[] = []
  let from = 0
  for (const row of added) {
    const to = placeOf(kept, row, plan)
    for (; from < to; from += 1) rows.push(kept[from] as Row)
    rows.push(row)
  }
  for (; from < kept.length; from += 1) rows.push(kept[from] as Row)
  return { source, rows, tallies: retallied(before.tallies, gone, added, plan) }
}

function retallied<Row>(
  before: Arrangement<Row>['tallies'],
  gone: readonly Row[],
  added: readonly Row[],
  plan: Plan<Row>,
): Arrangement<Row>['tallies'] {
  if (plan.groups.length === 0) return before
  const tallies = new Map(before)
  const own = new Set<Tally<Row>>()
  const add = (row: Row, sign: 1 | -1) => {
    for (const path of pathsOf(row, plan)) {
      const known = tallies.get(path)
      const tally =
        known !== undefined && own.has(known) ? known : (known?.copy() ?? new Tally<Row>())
      own.add(tally)
      tallies.set(path, tally)
      tally.add(row, plan.sums, sign)
      if (tally.count === 0) tallies.delete(path)
    }
  }
  for (const row of added) add(row, 1)
  for (const row of gone) add(row, -1)
  return tallies
}

/** Where a row is among rows in order, or would be. */
export function placeOf<Row>(rows: readonly Row[], row: Row, plan: Plan<Row>): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareRows(plan, rows[middle] as Row, row) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Rows that are not what they were; both lists are in the order of their numbers, the highest first. */
export function difference<Row>(
  before: readonly Row[],
  after: readonly Row[],
  numberOf: (row: Row) => number,
  most: number,
): { gone: Row[]; added: Row[] } | null {
  const gone: Row[] = []
  const added: Row[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [old, next] = [before[i], after[j]]
    if (old !== undefined && old === next) {
      i += 1
      j += 1
      continue
    }
    const [was, is] = [
      old === undefined ? -Infinity : numberOf(old),
      next === undefined ? -Infinity : numberOf(next),
    ]
    if (old !== undefined && was >= is) {
      gone.push(old)
      i += 1
    }
    if (next !== undefined && is >= was) {
      added.push(next)
      j += 1
    }
    if (gone.length + added.length > most) return null
  }
  return { gone, added }
}

const SEPARATOR = '\u001f'

/** The groups that a row is in, the outermost first. */
export function pathsOf<Row>(row: Row, { groups }: Plan<Row>): string[] {
  const paths: string[] = []
  let path = ''
  for (const column of groups) {
    path += SEPARATOR + groupValue(column, row)
    paths.push(path)
  }
  return paths
}
