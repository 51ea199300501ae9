/** Risk, return and Sharpe ratio of mixes, and how far one lies from the frontier. Statistics: plain numbers, no money. */

export type Weights = readonly number[]

export interface Estimates {
  /** Expected return of each currency per year, as a fraction. */
  means: Weights
  covariance: readonly Weights[]
  riskFree: number
}

export interface Mix {
  weights: Weights
  risk: number
  gain: number
  /** None without risk. */
  sharpe: number | null
}

/** How far a mix lies from the frontier; below zero where it lies beyond. */
export interface Gap {
  /** Its risk less the least risk of the frontier that returns as much or more. */
  risk: number
  /** The highest return of the frontier at its risk or less, less its own; null where all have more risk. */
  gain: number | null
}

/** What differs by less is shown as the same: a hundredth of a percent. */
export const NEAR = 1e-4

const dot = (a: Weights, b: Weights): number =>
  a.reduce((total, value, index) => total + value * (b[index] ?? 0), 0)

const product = (a: Weights, covariance: readonly Weights[], b: Weights): number =>
  dot(
    a,
    covariance.map((row) => dot(row, b)),
  )

export function measure(weights: Weights, { means, covariance, riskFree }: Estimates): Mix {
  const gain = dot(weights, means)
  // Rounding may leave a riskless mix just below zero.
  const risk = Math.sqrt(Math.max(0, product(weights, covariance, weights)))
  return { weights, risk, gain, sharpe: risk > 0 ? (gain - riskFree) / risk : null }
}

const between = (a: Weights, b: Weights, share: number): Weights =>
  a.map((value, index) => value + ((b[index] ?? 0) - value) * share)

const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, value))

/**
 * The frontier through its points, from the least risk to the highest return.
 *
 * A place on it is a number from 0 to the last point's. Between neighbours weights are linear, so that
 * return is linear and variance quadratic in it.
 */
export class Frontier {
  readonly points: readonly Mix[]
  readonly #estimates: Estimates

  /** @param points by ascending return; at least one. */
  constructor(points: readonly Mix[], estimates: Estimates) {
    this.points = points
    this.#estimates = estimates
  }

  get last(): number {
    return this.points.length - 1
  }

  at(place: number): Mix {
    const inside = clamp(place, 0, this.last)
    const lower = Math.min(Math.floor(inside), Math.max(0, this.last - 1))
    const first = this.#point(lower)
    if (inside === lower) return first
    const second = this.#point(lower + 1)
    return inside === lower + 1
      ? second
      : measure(between(first.weights, second.weights, inside - lower), this.#estimates)
  }

  /** Where the least risk is that returns as much or more; the end where nothing does. */
  placeOfGain(gain: number): number {
    const upper = this.points.findIndex((point) => point.gain >= gain)
    if (upper <= 0) return upper === 0 ? 0 : this.last
    const [low, high] = [this.#point(upper - 1).gain, this.#point(upper).gain]
    return upper - 1 + (gain - low) / (high - low)
  }

  /** Where the highest return is at this risk or less; the start where all have more. */
  placeOfRisk(risk: number): number {
    const upper = this.points.findIndex((point) => point.risk > risk)
    if (upper <= 0) return upper === 0 ? 0 : this.last
    const first = this.#point(upper - 1)
    const step = this.#point(upper).weights.map((value, i) => value - (first.weights[i] ?? 0))
    const { covariance } = this.#estimates
    const square = product(step, covariance, step)
    const linear = product(first.weights, covariance, step)
    // The root of square t² + 2 linear t − lack where the variance rises.
    const lack = risk * risk - first.risk * first.risk
    const root = Math.sqrt(Math.max(0, linear * linear + square * lack))
    const share = linear + root > 0 ? lack / (linear + root) : 0
    return upper - 1 + clamp(share, 0, 1)
  }

  gap(mix: Mix): Gap {
    const least = this.#point(0).risk
    return {
      risk: mix.risk - this.at(this.placeOfGain(mix.gain)).risk,
      // One that differs by rounding only is the mix of least risk.
      gain:
        mix.risk < least * (1 - 1e-9)
          ? null
          : this.at(this.placeOfRisk(Math.max(mix.risk, least))).gain - mix.gain,
    }
  }

  /** Where on the frontier a mix is; null beside it. */
  placeOf(mix: Mix): number | null {
    const place = this.placeOfGain(mix.gain)
    const on = this.at(place)
    return Math.abs(mix.risk - on.risk) <= NEAR && Math.abs(mix.gain - on.gain) <= NEAR
      ? place
      : null
  }

  #point(index: number): Mix {
    const point = this.points[index]
    if (point === undefined) throw new RangeError(`the frontier has no point ${index}`)
    return point
  }
}

/**
 * The weights after one of them was set: the others, unless they are locked, give way in their proportions.
 *
 * Where all of those are 0 the rest is `rest`'s, the quote currency, or equal shares where that one can't take it.
 */
export function giveWay(
  weights: Weights,
  index: number,
  wanted: number,
  locked: readonly boolean[],
  rest: number,
): Weights {
  const isFree = weights.map((_, each) => each !== index && locked[each] !== true)
  const sum = (kept: (each: number) => boolean) =>
    weights.reduce((total, weight, each) => total + (kept(each) ? weight : 0), 0)
  const most = Math.max(0, 1 - sum((each) => each !== index && isFree[each] !== true))
  // With nothing that could give way the one can't move.
  const value = isFree.includes(true) ? clamp(wanted, 0, most) : most
  const others = sum((each) => isFree[each] === true)
  const heirs = isFree[rest] === true ? 1 : isFree.filter(Boolean).length
  return weights.map((weight, each) => {
    if (each === index) return value
    if (isFree[each] !== true) return weight
    if (others > 0) return (weight / others) * (most - value)
    return isFree[rest] === true && each !== rest ? 0 : (most - value) / heirs
  })
}

/** Shares in units of 10⁻ᵈⁱᵍⁱᵗˢ that sum to exactly 1, by the largest remainder. */
export function wholeShares(weights: Weights, digits: number): number[] {
  const unit = 10 ** digits
  const total = weights.reduce((sum, weight) => sum + Math.max(0, weight), 0)
  const exact = weights.map((weight) => (total > 0 ? (Math.max(0, weight) / total) * unit : 0))
  const units = exact.map((value) => Math.floor(value + 1e-7))
  const lack = unit - units.reduce((sum, value) => sum + value, 0)
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - (units[index] ?? 0) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index)
  for (const { index } of byRemainder.slice(0, Math.max(0, lack)))
    units[index] = (units[index] ?? 0) + 1
  return units
}

const SHARE_DIGITS = 9

/** Weights as decimal text that sums to exactly 1. */
export function shareTexts(weights: Weights): string[] {
  return wholeShares(weights, SHARE_DIGITS).map((units) => {
    const text = String(units).padStart(SHARE_DIGITS + 1, '0')
    const fraction = text.slice(-SHARE_DIGITS).replace(/0+$/, '')
    return text.slice(0, -SHARE_DIGITS) + (fraction && `.${fraction}`)
  })
}

/** The largest difference of a weight. */
export const distance = (a: Weights, b: Weights): number =>
  Math.max(0, ...a.map((value, index) => Math.abs(value - (b[index] ?? 0))))

/** Which share of the way from one mix to another has been walked, in [0, 1]. */
export function walked(from: Weights, now: Weights, to: Weights): number {
  const length = (a: Weights, b: Weights) =>
    a.reduce((total, value, index) => total + Math.abs(value - (b[index] ?? 0)), 0)
  const way = length(from, to)
  return way > 0 ? clamp(1 - length(now, to) / way, 0, 1) : 1
}
