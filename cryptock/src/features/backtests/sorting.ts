import { useMemo, useState } from 'react'

export type Value = string | number | null | undefined

export interface Sorting {
  by: string
  ascending: boolean
}

/** Rows by a value of each; what has none comes last, and equals stay in their order. */
export function sorted<Row>(
  rows: readonly Row[],
  value: (row: Row) => Value,
  ascending: boolean,
): Row[] {
  const sign = ascending ? 1 : -1
  return [...rows].sort((left, right) => {
    const [a, b] = [value(left) ?? null, value(right) ?? null]
    if (a === null || b === null) return Number(a === null) - Number(b === null)
    if (typeof a === 'number' && typeof b === 'number') return sign * (a - b)
    return sign * String(a).localeCompare(String(b), 'en', { numeric: true })
  })
}

/** Rows that a person sorts by the heads of columns; `values` says by what, and may not change. */
export function useSorting<Row>(
  rows: readonly Row[],
  values: Record<string, (row: Row) => Value>,
  first?: Sorting,
) {
  const [sorting, setSorting] = useState<Sorting | undefined>(first)
  const value = sorting === undefined ? undefined : values[sorting.by]
  const shown = useMemo(
    () =>
      value === undefined || sorting === undefined
        ? [...rows]
        : sorted(rows, value, sorting.ascending),
    [rows, value, sorting],
  )
  /** What a column of this name needs for its head. */
  const head = (name: string) => ({
    name,
    ...(values[name] && {
      sorted:
        sorting?.by !== name
          ? undefined
          : sorting.ascending
            ? ('ascending' as const)
            : ('descending' as const),
      onSort: () =>
        setSorting({ by: name, ascending: sorting?.by === name ? !sorting.ascending : false }),
    }),
  })
  return { rows: shown, head }
}
