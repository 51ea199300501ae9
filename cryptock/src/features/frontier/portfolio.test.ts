import { describe, expect, it } from 'vitest'
import { amount, sum } from '@/shared/amount'
import {
  distance,
  type Estimates,
  Frontier,
  giveWay,
  measure,
  shareTexts,
  walked,
  type Weights,
  wholeShares,
} from './portfolio'

/** The same numbers in [0, 1) in each run. */
function draws(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const total = (weights: Weights) => weights.reduce((sum, weight) => sum + weight, 0)

function mixOf(size: number, draw: () => number): Weights {
  const parts = Array.from({ length: size }, () => -Math.log(1 - draw()))
  return parts.map((part) => part / total(parts))
}

function estimatesOf(size: number, draw: () => number): Estimates {
  const factors = Array.from({ length: size }, () =>
    Array.from({ length: size }, () => draw() - 0.4),
  )
  return {
    means: factors.map(() => draw() * 2 - 0.5),
    covariance: factors.map((a) =>
      factors.map((b) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)),
    ),
    riskFree: 0.06,
  }
}

/** All mixes of two currencies that no other beats, in closed form. */
function ofTwo(estimates: Estimates, count: number): Frontier {
  const [[a = 0, c = 0] = [], [, b = 0] = []] = estimates.covariance
  const least = Math.min(1, Math.max(0, (b - c) / (a + b - 2 * c)))
  const best = (estimates.means[0] ?? 0) > (estimates.means[1] ?? 0) ? 1 : 0
  const points = Array.from({ length: least === best ? 1 : count }, (_, index) => {
    const share = least + ((best - least) * index) / (count - 1)
    return measure([share, 1 - share], estimates)
  })
  return new Frontier(points, estimates)
}

describe('a mix', () => {
  it('has the risk of its covariance and the return of its means', () => {
    const estimates = { means: [0.5, 0.1], covariance: [[0.16, 0.02], [0.02, 0.04]], riskFree: 0.06 } // prettier-ignore
    const { risk, gain, sharpe } = measure([0.25, 0.75], estimates)
    expect(gain).toBeCloseTo(0.2, 12)
    expect(risk ** 2).toBeCloseTo(0.0625 * 0.16 + 2 * 0.1875 * 0.02 + 0.5625 * 0.04, 12)
    expect(sharpe).toBeCloseTo((0.2 - 0.06) / risk, 12)
    expect(measure([0, 0], estimates).sharpe).toBeNull()
  })
})

describe('the frontier', () => {
  it('has between its points what no mix of the two beats', () => {
    const draw = draws(7)
    for (let round = 0; round < 40; round += 1) {
      const estimates = estimatesOf(2, draw)
      const frontier = ofTwo(estimates, 6)
      for (let trial = 0; trial < 20; trial += 1) {
        const mix = measure(mixOf(2, draw), estimates)
        const { risk, gain } = frontier.gap(mix)
        expect(risk).toBeGreaterThan(-1e-9)
        expect(gain).toBeGreaterThan(-1e-9)
        // Brute force: all shares on a fine grid.
        const grid = Array.from({ length: 2001 }, (_, i) =>
          measure([i / 2000, 1 - i / 2000], estimates),
        )
        const least = Math.min(
          ...grid.filter((each) => each.gain >= mix.gain).map((each) => each.risk),
        )
        const highest = Math.max(
          ...grid.filter((each) => each.risk <= mix.risk).map((each) => each.gain),
        )
        expect(mix.risk - risk).toBeLessThan(least + 1e-9)
        expect(mix.risk - risk).toBeGreaterThan(least - 2e-3)
        if (!Number.isFinite(highest)) continue // the grid's mixes have all more risk
        expect(mix.gain + (gain ?? 0)).toBeGreaterThan(highest - 1e-9)
        // Near the least risk, return rises steeply with risk: a step of the grid is much of it.
        expect(mix.gain + (gain ?? 0)).toBeLessThan(highest + 0.1)
      }
    }
  })

  it('meets a return and a risk exactly, wherever they are', () => {
    const draw = draws(11)
    for (let round = 0; round < 50; round += 1) {
      const frontier = ofTwo(estimatesOf(2, draw), 5)
      const place = draw() * frontier.last
      const mix = frontier.at(place)
      expect(frontier.placeOfGain(mix.gain)).toBeCloseTo(place, 6)
      expect(frontier.at(frontier.placeOfRisk(mix.risk)).risk).toBeCloseTo(mix.risk, 9)
      expect(frontier.gap(mix).risk).toBeCloseTo(0, 9)
    }
  })

  it('ends at its first and last point', () => {
    const frontier = ofTwo(estimatesOf(2, draws(3)), 4)
    expect(frontier.at(-3)).toBe(frontier.points[0])
    expect(frontier.at(99)).toBe(frontier.points[3])
    expect(frontier.at(2)).toBe(frontier.points[2])
    expect([frontier.placeOfGain(-99), frontier.placeOfGain(99)]).toEqual([0, 3])
    expect([frontier.placeOfRisk(0), frontier.placeOfRisk(99)]).toEqual([0, 3])
  })

  it('of one point is that point', () => {
    const estimates = { means: [0.1], covariance: [[0.04]], riskFree: 0 }
    const only = measure([1], estimates)
    const frontier = new Frontier([only], estimates)
    expect(frontier.at(0.4)).toBe(only)
    expect(frontier.gap(only)).toEqual({ risk: 0, gain: 0 })
  })

  it('is passed by mixes that hold what it has none of', () => {
    const estimates = { means: [0.5, 0], covariance: [[0.16, 0], [0, 0]], riskFree: 0.06 } // prettier-ignore
    const frontier = new Frontier([measure([1, 0], estimates)], estimates)
    const gap = frontier.gap(measure([0.5, 0.5], estimates))
    expect(gap.risk).toBeCloseTo(-0.2, 12)
    expect(gap.gain).toBeNull()
  })
})

describe('weights', () => {
  it('sum to one whatever slider moves, and locked ones stay', () => {
    const draw = draws(5)
    for (let round = 0; round < 500; round += 1) {
      const size = 2 + Math.floor(draw() * 11)
      const before = mixOf(size, draw)
      const locked = before.map(() => draw() < 0.3)
      const index = Math.floor(draw() * size)
      const after = giveWay(before, index, draw() * 1.4 - 0.2, locked, size - 1)
      expect(total(after)).toBeCloseTo(1, 12)
      after.forEach((weight, each) => {
        expect(weight).toBeGreaterThanOrEqual(0)
        if (locked[each] && each !== index) expect(weight).toBe(before[each])
      })
    }
  })

  it('give way in their proportions', () => {
    expect(giveWay([0.5, 0.3, 0.2], 0, 0.75, [], 2)).toEqual([
      0.75,
      expect.closeTo(0.15, 12),
      expect.closeTo(0.1, 12),
    ])
    expect(giveWay([0.5, 0.3, 0.2], 0, 0.9, [false, true], 2)).toEqual([
      expect.closeTo(0.7, 12),
      0.3,
      0,
    ])
  })

  it('leave the rest to the quote currency where nothing else has a share', () => {
    expect(giveWay([1, 0, 0], 0, 0.4, [], 2)).toEqual([0.4, 0, 0.6])
    expect(giveWay([0, 0, 1], 2, 0.4, [], 2)).toEqual([0.3, 0.3, 0.4])
    expect(giveWay([1, 0, 0], 0, 0.4, [false, false, true], 2)).toEqual([0.4, 0.6, 0])
    expect(giveWay([0.6, 0.4], 0, 0.1, [false, true], 1)).toEqual([0.6, 0.4])
  })

  it('are sent as texts that sum to exactly one', () => {
    const draw = draws(13)
    for (let round = 0; round < 500; round += 1) {
      const weights = mixOf(1 + Math.floor(draw() * 30), draw)
      const texts = shareTexts(weights)
      expect(sum(texts.map(amount))).toBe('1')
      texts.forEach((text, index) => {
        expect(Number(text)).toBeCloseTo(weights[index] ?? -1, 8)
      })
    }
    expect(shareTexts([0.42, 0, 0.58])).toEqual(['0.42', '0', '0.58'])
    expect(shareTexts([0, 0.9999999999999999])).toEqual(['0', '1'])
    expect(wholeShares([1, 1, 1], 3)).toEqual([334, 333, 333])
  })

  it('know how far they are and how far they have come', () => {
    expect(distance([0.5, 0.5], [0.2, 0.8])).toBeCloseTo(0.3, 12)
    expect(walked([0, 1], [0.3, 0.7], [0.6, 0.4])).toBeCloseTo(0.5, 12)
    expect(walked([0, 1], [0, 1], [0, 1])).toBe(1)
  })
})
