import { pixels } from '../amount'
import type { WalletHistory } from '../api/wire'
import { worth } from './worth'

export interface ValuePoint {
  time: number
  value: number
}

/** The value of a set over time, for drawing: the last of each second, and no time twice. */
export function valueOverTime({ data }: WalletHistory): ValuePoint[] {
  const points = new Map<number, number>()
  for (const [time, ...wallets] of data) points.set(Math.floor(time), pixels(worth(wallets).usd))
  return [...points].map(([time, value]) => ({ time, value })).sort((a, b) => a.time - b.time)
}
