/** An order book as it is pushed: a whole one, then what changes, numbered without gaps. */
import type { BookLevel, BookMessage } from '../api/wire'

export interface Book {
  /** Best first. */
  bids: readonly BookLevel[]
  asks: readonly BookLevel[]
  sequence: number
  state: string
  time: string
}

/**
 * The book after a message, or null where that can't be told: messages are missing, and a new
 * snapshot is needed.
 */
export function applyBook(book: Book | null, message: BookMessage): Book | null {
  const { sequence, state, time } = message
  if (message.type === 'snapshot')
    return { bids: message.bids, asks: message.asks, sequence, state, time }
  if (book === null || sequence <= book.sequence) return book
  if (sequence !== book.sequence + 1) return null
  return {
    bids: merge(book.bids, message.bids, -1),
    asks: merge(book.asks, message.asks, 1),
    sequence,
    state,
    time,
  }
}

function merge(
  levels: readonly BookLevel[],
  changes: readonly BookLevel[],
  order: 1 | -1,
): readonly BookLevel[] {
  if (changes.length === 0) return levels
  const merged = [...levels]
  for (const change of changes) {
    let low = 0
    let high = merged.length
    while (low < high) {
      const mid = (low + high) >> 1
      const at = merged[mid]
      if (at !== undefined && comparePlain(at[0], change[0]) * order < 0) low = mid + 1
      else high = mid
    }
    const found = merged[low]?.[0] === change[0]
    if (/^0(\.0*)?$/.test(change[1])) {
      if (found) merged.splice(low, 1)
    } else merged.splice(low, found ? 1 : 0, change)
  }
  return merged
}

/** Compare positive decimal texts exactly, without computing: prices come by the thousand. */
export function comparePlain(a: string, b: string): number {
  const pointA = a.indexOf('.') < 0 ? a.length : a.indexOf('.')
  const pointB = b.indexOf('.') < 0 ? b.length : b.indexOf('.')
  if (pointA !== pointB) return pointA - pointB
  return a < b ? -1 : a > b ? 1 : 0
}
