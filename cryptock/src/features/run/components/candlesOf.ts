/** Rows of a candlestick component as candles and markers, in the order of time. */
import type { Cell, Rows } from '@/shared/api/runs'
import { wireTime } from '@/shared/format'

export interface Candle {
  /** Seconds since 1970. */
  time: number
  open: number
  high: number
  low: number
  close: number
}

export interface Mark {
  time: number
  kind: 'buy' | 'sell' | 'note'
  price: number
  text: string
}

/** A fill is often told before the candle that it falls into, which is only known at its close. */
export function candlesOf({ rows }: Rows): { candles: Candle[]; marks: Mark[] } {
  const candles: Candle[] = []
  const marks: Mark[] = []
  for (const row of rows) {
    const [at, open, high, low, close, , marker, price, text] = row
    const time = Math.floor(wireTime(String(at)) / 1000)
    if (isKind(marker)) marks.push({ time, kind: marker, price: Number(price), text: String(text) })
    else if (close !== null)
      candles.push({
        time,
        open: Number(open),
        high: Number(high),
        low: Number(low),
        close: Number(close),
      })
  }
  return { candles: inTime(candles), marks: inTime(marks, false) }
}

const isKind = (marker: Cell | undefined): marker is Mark['kind'] =>
  marker === 'buy' || marker === 'sell' || marker === 'note'

/** By time; of several candles of one time the last one counts. */
function inTime<T extends { time: number }>(found: T[], once = true): T[] {
  const sorted = found.every(({ time }, index) => time >= (found[index - 1]?.time ?? time))
    ? found
    : [...found].sort((a, b) => a.time - b.time)
  return once ? sorted.filter(({ time }, index) => time !== sorted[index + 1]?.time) : sorted
}
