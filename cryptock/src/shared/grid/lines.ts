/** What a grid shows line by line: groups, and the rows of those that are open. */
import { type Arrangement, pathsOf, placeOf, type Plan, type Tally } from './arrange'
import { type GridColumn, groupValue } from './columns'

export interface Group<Row> {
  path: string
  /** 0 for the outermost. */
  depth: number
  column: GridColumn<Row>
  value: string
  tally: Tally<Row>
  open: boolean
}

export type Line<Row> = { row: Row; group?: never } | { group: Group<Row>; row?: never }

interface Segment<Row> {
  /** Its first line. */
  line: number
  /** Its first row. */
  place: number
  group: Group<Row> | null
}

export class Lines<Row> {
  readonly count: number
  readonly #segments: Segment<Row>[] = []
  readonly #rows: readonly Row[]
  readonly #plan: Plan<Row>

  constructor(
    { rows, tallies }: Arrangement<Row>,
    plan: Plan<Row>,
    isOpen: (path: string) => boolean,
  ) {
    this.#rows = rows
    this.#plan = plan
    let line = 0
    let before: string[] = []
    for (let place = 0; place < rows.length;) {
      const row = rows[place] as Row
      const paths = pathsOf(row, plan)
      let count = paths.length === 0 ? rows.length : 0
      let hidden = false
      for (const [depth, path] of paths.entries()) {
        const tally = tallies.get(path)
        const column = plan.groups[depth]
        if (tally === undefined || column === undefined) throw new Error(`no group ${path}`)
        count = tally.count
        if (path === before[depth]) continue
        const open = isOpen(path)
        const group = { path, depth, column, value: groupValue(column, row), tally, open }
        this.#segments.push({ line, place, group })
        line += 1
        hidden = !open
        if (hidden) break
      }
      before = paths
      if (!hidden) {
        this.#segments.push({ line, place, group: null })
        line += count
      }
      place += count
    }
    this.count = line
  }

  at(index: number): Line<Row> | null {
    if (index < 0 || index >= this.count) return null
    const segment = this.#segments[this.#last(({ line }) => line <= index)]
    if (segment === undefined) return null
    if (segment.group !== null) return { group: segment.group }
    return { row: this.#rows[segment.place + index - segment.line] as Row }
  }

  /** On which line a row is, or the group that hides it; -1 if it is on none. */
  of(row: Row): number {
    const place = placeOf(this.#rows, row, this.#plan)
    const found = this.#rows[place]
    if (found === undefined || this.#plan.numberOf(found) !== this.#plan.numberOf(row)) return -1
    const segment = this.#segments[this.#last((each) => each.place <= place)]
    if (segment === undefined) return -1
    return segment.group === null ? segment.line + place - segment.place : segment.line
  }

  /** On which line a group is; -1 if it is on none. */
  ofGroup(path: string): number {
    return this.#segments.find(({ group }) => group?.path === path)?.line ?? -1
  }

  /** The last segment of those at the beginning that fit. */
  #last(fits: (segment: Segment<Row>) => boolean): number {
    let [low, high] = [0, this.#segments.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (fits(this.#segments[middle] as Segment<Row>)) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
