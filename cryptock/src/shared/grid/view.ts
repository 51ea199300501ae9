/** How a grid is looked at: what is shown, sorted, filtered and grouped. It stands in the page's address. */
import { asFilter, type Filter } from './filter'

export interface Sort {
  column: string
  descending: boolean
}

export interface GridView {
  /** What is shown, in its order. */
  columns: readonly string[]
  sort: readonly Sort[]
  filters: readonly Filter[]
  groups: readonly string[]
}

/** Sort by a column: up, then down, then not; `also` keeps what it is sorted by before. */
export function sortedBy(view: GridView, column: string, also: boolean): GridView {
  const now = view.sort.find((each) => each.column === column)
  const next: Sort[] =
    now === undefined
      ? [{ column, descending: false }]
      : now.descending
        ? []
        : [{ column, descending: true }]
  if (!also) return { ...view, sort: next }
  const at = view.sort.findIndex((each) => each.column === column)
  if (at < 0) return { ...view, sort: [...view.sort, ...next] }
  return { ...view, sort: view.sort.toSpliced(at, 1, ...next) }
}

/** Group by a column within the groups that there are, or no longer. */
export function groupedBy(view: GridView, column: string, on: boolean): GridView {
  const others = view.groups.filter((each) => each !== column)
  return { ...view, groups: on ? [...others, column] : others }
}

/** Put a column to where another one is. */
export function movedTo(view: GridView, column: string, target: string): GridView {
  const from = view.columns.indexOf(column)
  const to = view.columns.indexOf(target)
  if (from < 0 || to < 0) return view
  return { ...view, columns: view.columns.toSpliced(from, 1).toSpliced(to, 0, column) }
}

/** Show a column, or not; it comes to where it stands among all. */
export function shown(
  view: GridView,
  column: string,
  on: boolean,
  all: readonly string[],
): GridView {
  const others = view.columns.filter((each) => each !== column)
  if (!on) return others.length === 0 ? view : { ...view, columns: others }
  const after = new Set(all.slice(all.indexOf(column) + 1))
  const at = others.findIndex((each) => after.has(each))
  return { ...view, columns: others.toSpliced(at < 0 ? others.length : at, 0, column) }
}

/** Put a filter in place of those of its column. */
export function filteredBy(view: GridView, filter: Filter): GridView {
  const at = view.filters.findIndex(({ column }) => column === filter.column)
  if (at < 0) return { ...view, filters: [...view.filters, filter] }
  return { ...view, filters: view.filters.toSpliced(at, 1, filter) }
}

/** A view as text, to be read by `asView`. */
export const viewText = ({ columns, sort, filters, groups }: GridView): string =>
  JSON.stringify({ columns, sort, filters, groups })

/** The view that text stands for, as far as a grid has what it names; null if it is none. */
export function asView(text: string | null, all: readonly string[]): GridView | null {
  let read: unknown
  try {
    read = JSON.parse(text ?? 'null')
  } catch {
    return null
  }
  if (typeof read !== 'object' || read === null) return null
  const { columns, sort, filters, groups } = read as Record<string, unknown>
  const known = (id: unknown): id is string => typeof id === 'string' && all.includes(id)
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
  const names = (value: unknown) => [...new Set(list(value).filter(known))]
  const found = names(columns)
  if (found.length === 0) return null
  return {
    columns: found,
    groups: names(groups),
    filters: list(filters).flatMap((each) => {
      const filter = asFilter(each)
      return filter !== null && known(filter.column) ? [filter] : []
    }),
    sort: list(sort).flatMap((each) => {
      const { column, descending } = (each ?? {}) as Record<string, unknown>
      return known(column) ? [{ column, descending: descending === true }] : []
    }),
  }
}

export interface SavedViews {
  /** Which one is shown first. */
  first: string | null
  views: Readonly<Record<string, string>>
}

const keyOf = (place: string) => `cryptock.views.${place}`

/** The views that a person has saved of a grid, as texts by their names. */
export function readViews(place: string): SavedViews {
  try {
    const read = JSON.parse(localStorage.getItem(keyOf(place)) ?? 'null') as SavedViews | null
    return { first: read?.first ?? null, views: { ...read?.views } }
  } catch {
    return { first: null, views: {} }
  }
}

export function writeViews(place: string, saved: SavedViews): void {
  localStorage.setItem(keyOf(place), JSON.stringify(saved))
}
