/** Points of a scatter component, and those of them that can be seen. */
import type { Rows } from '@/shared/api/runs'

export interface Point {
  x: number
  y: number
}

export function pointsOf({ rows }: Rows): Map<string, Point[]> {
  const found = new Map<string, Point[]>()
  for (const [name, x = null, y = null] of rows) {
    if (x === null || y === null) continue
    const series = String(name)
    const points = found.get(series)
    const point = { x: Number(x), y: Number(y) }
    if (points === undefined) found.set(series, [point])
    else points.push(point)
  }
  return found
}

const FEW = 5000
const ACROSS = 400
const DOWN = 200

/** Of many points one per spot: what lies under another one is not drawn. */
export function seen(points: readonly Point[]): Point[] {
  if (points.length <= FEW) return [...points]
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const { x, y } of points) {
    left = Math.min(left, x)
    right = Math.max(right, x)
    low = Math.min(low, y)
    high = Math.max(high, y)
  }
  const width = right - left || 1
  const height = high - low || 1
  const spots = new Map<number, Point>()
  for (const point of points) {
    const column = Math.floor(((point.x - left) / width) * ACROSS)
    spots.set(column * (DOWN + 1) + Math.floor(((point.y - low) / height) * DOWN), point)
  }
  return [...spots.values()]
}
