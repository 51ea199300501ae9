/** What a frontier's rows stand for: portfolios, the path walked and the target. */
import { wireTime } from '@/shared/format'
import type { Cell, ComponentFormat } from '@/shared/api/runs'
import { type Estimates, Frontier, type Mix } from './portfolio'

export interface Cloud {
  risks: Float64Array
  gains: Float64Array
  /** Of its portfolios one after the other. */
  weights: Float64Array
}

/** What stays until the frontier is estimated anew. */
export interface Estimated {
  currencies: readonly string[]
  estimates: Estimates
  frontier: Frontier
  cloud: Cloud
  /** Each currency alone, in their order. */
  alone: readonly Mix[]
  minimumVariance: Mix | null
  maximumSharpe: Mix | null
}

export interface Step extends Mix {
  /** In ms since 1970. */
  time: number
}

/** What moves as the strategy trades. */
export interface Course {
  /** What was held, and now is. */
  path: readonly Step[]
  target: Step | null
  /** How often a target was set. */
  targets: number
}

/** Between which figures a point of the frontier lies when its history is drawn again. */
export interface Range {
  risk: readonly [low: number, high: number]
  gain: readonly [low: number, high: number]
}

const FIGURES = 5 // set, time, risk, return, Sharpe ratio; then a weight per currency

const number = (cell: Cell | undefined): number => Number(cell ?? 0)

function mixOf(row: readonly Cell[]): Mix {
  return {
    risk: number(row[2]),
    gain: number(row[3]),
    sharpe: row[4] === null ? null : number(row[4]),
    weights: row.slice(FIGURES).map(number),
  }
}

const stepOf = (row: readonly Cell[]): Step => ({ ...mixOf(row), time: wireTime(String(row[1])) })

/** By the first row: while rows are only added, what was estimated is the same object. */
const known = new WeakMap<readonly Cell[], Estimated>()

/** What was estimated; null until all of it is there. */
export function readEstimated(
  format: ComponentFormat,
  rows: readonly (readonly Cell[])[],
): Estimated | null {
  const [first] = rows
  if (first === undefined) return null
  const before = known.get(first)
  if (before !== undefined) return before
  const { options } = format
  const estimates: Estimates = {
    means: options.expected_returns as number[],
    covariance: options.covariance as number[][],
    riskFree: options.risk_free as number,
  }
  const of = (set: string) => rows.filter((row) => row[0] === set)
  const points = of('frontier').map(mixOf)
  if (points.length === 0 || points.length !== options.points) return null
  const cloud = of('cloud')
  const currencies = options.currencies as string[]
  const found: Estimated = {
    currencies,
    estimates,
    frontier: new Frontier(points, estimates),
    cloud: {
      risks: Float64Array.from(cloud, (row) => number(row[2])),
      gains: Float64Array.from(cloud, (row) => number(row[3])),
      weights: Float64Array.from(cloud.flatMap((row) => row.slice(FIGURES)).map(number)),
    },
    alone: of('asset').map(mixOf),
    minimumVariance: of('minimum_variance').map(mixOf)[0] ?? null,
    maximumSharpe: of('maximum_sharpe').map(mixOf)[0] ?? null,
  }
  known.set(first, found)
  return found
}

export function readCourse(rows: readonly (readonly Cell[])[]): Course {
  const targets = rows.filter((row) => row[0] === 'target')
  const newest = targets.at(-1)
  return {
    path: rows.filter((row) => row[0] === 'current').map(stepOf),
    target: newest === undefined ? null : stepOf(newest),
    targets: targets.length,
  }
}

/** The band, from the table of points; empty without one. */
export function readBand(rows: readonly (readonly Cell[])[]): Range[] {
  return rows.flatMap((row) => {
    const [, , , , riskLow, riskHigh, gainLow, gainHigh] = row
    return typeof riskLow === 'number'
      ? [
          {
            risk: [riskLow, number(riskHigh)] as const,
            gain: [number(gainLow), number(gainHigh)] as const,
          },
        ]
      : []
  })
}
