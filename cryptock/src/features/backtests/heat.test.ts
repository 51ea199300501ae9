import { describe, expect, it } from 'vitest'
import { recorded } from '@/testing/service'
import { axis, heatOf, mostParts, trialsOf, varied } from './heat'
import { luminance, shader } from './palette'
import { bestOf } from './figures'
import { sorted } from './sorting'
import { skillWords } from './skill'

describe('what a sweep tried', () => {
  const { flags, trials } = trialsOf(recorded.sweepPoints)

  it('is read from its table', () => {
    expect(flags).toEqual(['fast', 'slow', 'percent'])
    expect(trials).toHaveLength(recorded.sweepPoints.total)
    expect(trials[0]?.values.score).toBe(Number(recorded.sweepPoints.rows[0]?.[3]))
    expect(varied(flags, trials)).toEqual(flags)
  })

  it('is laid out over two parameters, the mean or the best of the others', () => {
    const best = heatOf(trials, 'slow', 'fast', 'total_return', 'best')
    const mean = heatOf(trials, 'slow', 'fast', 'total_return', 'mean')
    expect([best.rows, best.columns]).toEqual([
      ['5', '10', '15', '20'],
      ['30', '60', '90'],
    ])
    for (const [row, cells] of best.cells.entries())
      for (const [column, { value, trials: within }] of cells.entries()) {
        expect(within).toHaveLength(2)
        const values = within.flatMap(({ parts, values: { total_return } }) =>
          parts === mostParts(trials) ? (total_return ?? []) : [],
        )
        expect(value).toBe(values.length ? Math.max(...values) : null)
        if (values.length === 0) continue
        const average = values.reduce((sum, each) => sum + each, 0) / values.length
        expect(mean.cells[row]?.[column]?.value).toBeCloseTo(average, 12)
      }
  })

  it('takes the lowest for the best where less is better', () => {
    const { cells } = heatOf(trials, 'slow', 'fast', 'max_drawdown', 'best')
    const most = mostParts(trials)
    for (const { value, trials: within } of cells.flat()) {
      const known = within.filter(({ parts }) => parts === most)
      if (known.length > 0)
        expect(value).toBe(Math.min(...known.map(({ values }) => values.max_drawdown ?? Infinity)))
    }
  })

  it('gives no value to points with results in fewer splits than others', () => {
    const fewer = trials.map((each) => ({ ...each, parts: each.point.fast === '5' ? 1 : 3 }))
    const { rows, cells } = heatOf(fewer, 'slow', 'fast', 'trades', 'best')
    for (const [index, row] of cells.entries())
      expect(row.every(({ value }) => (value === null) === (rows[index] === '5'))).toBe(true)
  })

  it('gathers very many values in stretches, and keeps words as they are', () => {
    const many = axis(Array.from({ length: 100 }, (_, index) => String(index)))
    expect(many.labels).toHaveLength(12)
    expect([many.place('0'), many.place('99')]).toEqual([0, 11])
    expect(axis(['ETH', 'BTC', 'ETH']).labels).toEqual(['BTC', 'ETH'])
    expect(axis(['10', '9', '100']).labels).toEqual(['9', '10', '100'])
  })
})

describe('shades', () => {
  const contrast = (fill: string, ink: string) => {
    const [red = 0, green = 0, blue = 0] = (fill.match(/\d+/g) ?? []).map(Number)
    const [a, b] = [luminance([red, green, blue]), ink === '#ffffff' ? 1 : 0].sort((x, y) => y - x)
    return ((a ?? 0) + 0.05) / ((b ?? 0) + 0.05)
  }

  it.each([
    ['light', [-1, 2]],
    ['dark', [-1, 2]],
    ['light', [3, 9]],
  ] as const)('of %s can be read at every value of %j', (scheme, range) => {
    const shade = shader(range, scheme)
    for (let step = 0; step <= 40; step += 1) {
      const { fill, ink } = shade(range[0] + ((range[1] - range[0]) * step) / 40)
      expect(contrast(fill, ink)).toBeGreaterThanOrEqual(4.5)
    }
  })

  it('are those of gain and loss alike around zero', () => {
    const shade = shader([-1, 4], 'light')
    expect(shade(-1).fill).not.toBe(shade(1).fill)
    expect(shade(0).fill).toBe(shader([-9, 9], 'light')(0).fill)
  })
})

describe('what is best', () => {
  it.each([
    [[1, null, 3], 'high', [2]],
    [[1, 3, 1], 'low', [0, 2]],
    [[2, 2], 'high', []],
    [[1, null], 'high', []],
    [[1, 2], undefined, []],
  ] as const)('of %j by %s', (values, better, found) => {
    expect(bestOf(values, better)).toEqual(found)
  })

  it('comes first or last, and what is not known always last', () => {
    const rows = [3, null, 1, 2]
    expect(sorted(rows, (row) => row, true)).toEqual([1, 2, 3, null])
    expect(sorted(rows, (row) => row, false)).toEqual([3, 2, 1, null])
    expect(sorted(['b10', 'b9'], (row) => row, true)).toEqual(['b9', 'b10'])
  })

  it('may be luck', () => {
    expect(skillWords(0.97)).toBe('97 %: hardly luck')
    expect(skillWords(0.6)).toBe('60 %: may be luck')
    expect(skillWords(0.02)).toBe('2 %: no better than the luckiest of so many')
  })
})
