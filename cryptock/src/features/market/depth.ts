/** The shape of a book for drawing; sums are exact, pixels are not. */
import { add, type Amount, pixels, ZERO } from '@/shared/amount'
import type { BookLevel } from '@/shared/api/wire'

export interface Step {
  price: Amount
  size: Amount
  /** Size of this level and all better ones. */
  total: Amount
}

export function cumulate(levels: readonly BookLevel[], most: number): Step[] {
  let total = ZERO
  return levels.slice(0, most).map(([price, size]) => {
    total = add(total, size)
    return { price, size, total }
  })
}

/** The outline of one side in a box of `width` × `height` with the middle of the market at its centre. */
export function outline(
  steps: readonly Step[],
  side: 'bids' | 'asks',
  scale: { middle: number; reach: number; most: number },
  width: number,
  height: number,
): string {
  if (steps.length === 0) return ''
  const x = (price: Amount) =>
    Math.min(
      width,
      Math.max(0, width / 2 + ((pixels(price) - scale.middle) / scale.reach) * (width / 2)),
    )
  const y = (total: Amount) => height - (pixels(total) / scale.most) * (height - 4)
  let level = height
  const points: string[] = []
  for (const { price, total } of steps) {
    const at = x(price).toFixed(1)
    points.push(`${at},${level.toFixed(1)}`)
    level = y(total)
    points.push(`${at},${level.toFixed(1)}`)
  }
  const edge = side === 'bids' ? 0 : width
  const start = x(steps[0]?.price ?? ZERO).toFixed(1)
  return `M${start},${height} L${points.join(' L')} L${edge},${level.toFixed(1)} L${edge},${height} Z`
}

/** What both sides are drawn in: as wide as the narrower one reaches. */
export function scaleOf(
  bids: readonly Step[],
  asks: readonly Step[],
): { middle: number; reach: number; most: number } | null {
  const [bid, ask, lastBid, lastAsk] = [bids[0], asks[0], bids.at(-1), asks.at(-1)]
  if (!bid || !ask || !lastBid || !lastAsk) return null
  const middle = (pixels(bid.price) + pixels(ask.price)) / 2
  const reach = Math.min(middle - pixels(lastBid.price), pixels(lastAsk.price) - middle)
  const most = Math.max(pixels(lastBid.total), pixels(lastAsk.total))
  return reach > 0 && most > 0 ? { middle, reach, most } : null
}
