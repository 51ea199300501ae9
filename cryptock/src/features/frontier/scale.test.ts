import { describe, expect, it } from 'vitest'
import {
  type Area,
  extent,
  figure,
  percent,
  place,
  scale,
  signed,
  textSize,
  ticks,
  timeTicks,
} from './scale'

describe('an axis', () => {
  it('has round ticks, none of them spoilt by rounding', () => {
    expect(ticks(0, 0.7, 7)).toEqual([0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5, 0.6000000000000001, 0.7000000000000001]) // prettier-ignore
    expect(ticks(-6.9, 4.3, 8)).toEqual([-6, -4, -2, 0, 2, 4])
    expect(ticks(0.0011, 0.0019, 4)).toHaveLength(4)
    expect(ticks(3, 3, 5)).toEqual([3])
    expect(scale(-1, 1, 100, 0).to(0.5)).toBe(25)
  })

  it('tells percents with the digits that its ticks need', () => {
    const told = (low: number, high: number) => {
      const values = ticks(low, high, 5)
      return values.map((value) => percent(value, (values[1] ?? 0) - (values[0] ?? 0)))
    }
    expect(told(0, 0.6)).toEqual(['0 %', '10 %', '20 %', '30 %', '40 %', '50 %', '60 %'])
    expect(told(0.001, 0.003)).toEqual(['0.10 %', '0.15 %', '0.20 %', '0.25 %', '0.30 %'])
    expect(new Set(told(-45, 18)).size).toBe(told(-45, 18).length)
  })

  it('tells huge returns without digits that say nothing, and no zero with a sign', () => {
    expect(figure(0.614)).toBe('61.4 %')
    expect(figure(-123.456)).toBe('−12\u202f346 %')
    expect(percent(-0.0001)).toBe('0.0 %')
    expect(percent(NaN)).toBe('–')
    expect(percent(1e30)).toBe('–')
    expect([signed(0.031), signed(-0.01), signed(0)]).toEqual(['+3.1 %', '−1.0 %', '0.0 %'])
  })

  it('has round times in UTC', () => {
    const start = Date.UTC(2026, 10, 21, 7, 0, 30)
    expect(timeTicks(start, start + 240_000, 4).map(({ text }) => text)).toEqual([
      '07:01',
      '07:02',
      '07:03',
      '07:04',
    ])
    expect(timeTicks(start, start + 5000, 3).map(({ text }) => text)[0]).toBe('07:00:30')
    expect(timeTicks(start, start + 4 * 86_400_000, 4)[0]?.text).toBe('2026-11-22')
  })
})

describe('the picture', () => {
  const cloud = (risks: number[]) => ({
    risks: Float64Array.from(risks),
    gains: Float64Array.from(risks),
  })
  const at = (value: number) => ({ risk: value, gain: value })

  it('shows what matters and leaves far currencies at its edge', () => {
    const { risk } = extent([at(0.1), at(0.4)], cloud([0.2, 0.3]), [at(0.5), at(9)], [])
    expect(risk[0]).toBeLessThan(0)
    expect(risk[1]).toBeGreaterThan(0.5)
    expect(risk[1]).toBeLessThan(1)
  })

  it('is not made small by a band that is wider than everything', () => {
    const band = [{ risk: [0.1, 0.5] as const, gain: [-50, 50] as const }]
    const { gain } = extent([at(0.1), at(0.4)], cloud([0.2, 0.3]), [], band)
    expect(gain[0]).toBeGreaterThan(-0.2)
    expect(gain[1]).toBeLessThan(0.8)
  })

  it('looks closely at what lies together far from nothing', () => {
    expect(extent([at(0.5), at(0.6)], cloud([]), [], []).risk[0]).toBeGreaterThan(0.45)
  })
})

describe('labels', () => {
  it('never cover each other nor leave the frame, however crowded it is', () => {
    const frame = { x: 0, y: 0, width: 400, height: 300 }
    const taken: Area[] = []
    for (let index = 0; index < 60; index += 1) {
      const point = { x: (index * 137) % 400, y: (index * 89) % 300 }
      const area = place(point, textSize('maximum'), frame, taken, [])
      if (area === null) continue
      for (const other of taken)
        expect(
          area.x + area.width <= other.x ||
            other.x + other.width <= area.x ||
            area.y + area.height <= other.y ||
            other.y + other.height <= area.y,
        ).toBe(true)
      expect(Math.min(area.x, area.y)).toBeGreaterThanOrEqual(0)
      expect(area.x + area.width).toBeLessThanOrEqual(400)
      expect(area.y + area.height).toBeLessThanOrEqual(300)
      taken.push(area)
    }
    expect(taken.length).toBeGreaterThan(20)
  })

  it('keep clear of the line where they can', () => {
    const frame = { x: 0, y: 0, width: 400, height: 300 }
    const right = { x: 200, y: 120, width: 100, height: 60 }
    const area = place({ x: 195, y: 150 }, textSize('now'), frame, [], [right])
    expect(area && area.x + area.width).toBeLessThan(195)
  })
})
