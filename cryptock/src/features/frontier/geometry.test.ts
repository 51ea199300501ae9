import { describe, expect, it } from 'vitest'
import { recorded } from '@/testing/service'
import type { Cell, ComponentFormat } from '@/shared/api/runs'
import { layOut, nearest } from './geometry'
import { readBand, readCourse, readEstimated } from './picture'

const rows = recorded.rowsFrontier.frontier.rows as Cell[][]
const format = recorded.componentsFrontier.find(({ id }) => id === 'frontier')
const estimated = readEstimated(format as unknown as ComponentFormat, rows)
const band = readBand(recorded.rowsFrontier.points.rows)

function drawn(width: number, height: number) {
  if (estimated === null) throw new Error('no frontier was recorded')
  return { estimated, ...layOut(estimated, readCourse(rows).path, band, width, height) }
}

describe('the recorded frontier', () => {
  it('is read once, however often rows are added to it', () => {
    const more = [...rows, ['current', '2026-11-21T07:00:00Z', 0.1, 0.2, 1, 0.5, 0, 0, 0.5]]
    expect(readEstimated(format as unknown as ComponentFormat, more)).toBe(estimated)
    expect(readCourse(more).path.at(-1)?.weights).toEqual([0.5, 0, 0, 0.5])
  })

  it('is laid out within its frame, in wide pictures and in narrow ones', () => {
    for (const [width, height] of [
      [900, 500],
      [320, 300],
    ] as const) {
      const { frame, line, marks, points, xTicks, yTicks } = drawn(width, height)
      for (const { x, y } of [...line, ...points, ...marks]) {
        expect(x).toBeGreaterThanOrEqual(frame.x)
        expect(x).toBeLessThanOrEqual(frame.x + frame.width)
        expect(y).toBeGreaterThanOrEqual(frame.y)
        expect(y).toBeLessThanOrEqual(frame.y + frame.height)
      }
      expect(marks.map(({ name }) => name)).toEqual([
        'now',
        'max Sharpe',
        'min variance',
        'BTC',
        'ETH',
        'LTC',
        'USD',
      ])
      expect(Math.min(xTicks.length, yTicks.length)).toBeGreaterThan(2)
    }
  })

  it('is met where the pointer is nearest to it', () => {
    const { estimated: found, line, points, x, y } = drawn(900, 500)
    const point = points[20]
    if (point === undefined) throw new Error('too few points')
    expect(nearest(line, point).place).toBeCloseTo(20, 6)
    const mix = found.frontier.at(30.5)
    const { place, px } = nearest(line, { x: x.to(mix.risk), y: y.to(mix.gain) })
    expect(place).toBeCloseTo(30.5, 2)
    expect(px).toBeLessThan(0.1)
    expect(nearest(line, { x: 0, y: 500 }).px).toBeGreaterThan(100)
  })
})
