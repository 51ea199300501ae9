/** Rows by their numbers, the highest first; never changed, but made anew with others. */
export class Numbered<T extends { id: number }> {
  readonly rows: readonly T[]

  constructor(rows: readonly T[] = []) {
    this.rows = rows
  }

  find(id: number): T | undefined {
    const row = this.rows[this.#placeOf(id)]
    return row?.id === id ? row : undefined
  }

  /** With others in their places; of two with the same number the other one counts. */
  with(others: readonly T[]): Numbered<T> {
    const newest = [...new Map(others.map((each) => [each.id, each])).values()]
    newest.sort((a, b) => b.id - a.id)
    // Whole pieces are copied at once: most of a long list stays as it is.
    const pieces: (readonly T[])[] = []
    let from = 0
    for (const other of newest) {
      const to = this.#placeOf(other.id)
      if (to > from) pieces.push(this.rows.slice(from, to))
      pieces.push([other])
      from = this.rows[to]?.id === other.id ? to + 1 : to
    }
    return new Numbered(([] as T[]).concat(...pieces, this.rows.slice(from)))
  }

  /** The first ones, and of what follows those that are still needed. */
  first(count: number, needed: (row: T) => boolean = () => false): Numbered<T> {
    if (this.rows.length <= count) return this
    return new Numbered(this.rows.slice(0, count).concat(this.rows.slice(count).filter(needed)))
  }

  /** Where a number is, or would be. */
  #placeOf(id: number): number {
    let [low, high] = [0, this.rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.rows[middle] as T).id > id) low = middle + 1
      else high = middle
    }
    return low
  }
}
