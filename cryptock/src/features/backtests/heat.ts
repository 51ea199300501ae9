/** What a sweep tried, read from its table and laid out over two parameters. */
import type { TablePage } from '@/shared/api/runs'

/** Figures of a point, by the names of their columns; the others are parameters. */
export const MEASURES = {
  score: 'Objective',
  in_sample: 'Objective in-sample',
  worst: 'Worst split',
  spread: 'Spread between splits',
  total_return: 'Return',
  max_drawdown: 'Max drawdown',
  trades: 'Trades',
} as const

export type Measure = keyof typeof MEASURES

/** Of which less is better. */
const LESS: ReadonlySet<Measure> = new Set(['spread', 'max_drawdown'])

export interface Trial {
  /** Its place in the table, best first. */
  rank: number
  point: Record<string, string>
  values: Record<Measure, number | null>
  parts: number
  error: string
}

const numberOf = (text: string | undefined): number | null =>
  text === undefined || text === '' ? null : Number(text)

export function trialsOf({ columns, rows }: TablePage): { flags: string[]; trials: Trial[] } {
  const end = columns.indexOf('score')
  const flags = columns.slice(0, Math.max(0, end))
  const trials = rows.map((row, index): Trial => {
    const text = (name: string) => row[columns.indexOf(name, end)]
    return {
      rank: index + 1,
      point: Object.fromEntries(flags.map((flag, place) => [flag, row[place] ?? ''])),
      values: Object.fromEntries(
        Object.keys(MEASURES).map((name) => [name, numberOf(text(name))]),
      ) as Trial['values'],
      parts: numberOf(text('parts')) ?? 0,
      error: text('error') ?? '',
    }
  })
  return { flags, trials }
}

/** The most splits that a point has results in: means over different numbers of them can't be compared. */
export const mostParts = (trials: readonly Trial[]): number =>
  Math.max(0, ...trials.map(({ parts }) => parts))

/** Parameters that have several values. */
export const varied = (flags: readonly string[], trials: readonly Trial[]): string[] =>
  flags.filter((flag) => new Set(trials.map(({ point }) => point[flag])).size > 1)

interface Axis {
  labels: string[]
  /** Which label a value belongs to. */
  place: (text: string) => number
}

const VALUES_MAX = 24
const BINS = 12

/** The values of a parameter, ascending; very many numbers are gathered in stretches. */
export function axis(texts: Iterable<string>): Axis {
  const labels = [...new Set(texts)]
  const numbers = labels.map(Number)
  const areNumbers = labels.every((text, index) => text !== '' && Number.isFinite(numbers[index]))
  if (!areNumbers || labels.length <= VALUES_MAX) {
    labels.sort((a, b) => (areNumbers ? Number(a) - Number(b) : a.localeCompare(b)))
    return { labels, place: (text) => labels.indexOf(text) }
  }
  const low = Math.min(...numbers)
  const width = (Math.max(...numbers) - low) / BINS
  const edge = (index: number) => String(Number((low + index * width).toPrecision(3)))
  return {
    labels: Array.from({ length: BINS }, (_, index) => `${edge(index)} to ${edge(index + 1)}`),
    place: (text) => Math.min(BINS - 1, Math.floor((Number(text) - low) / width)),
  }
}

export type Gathering = 'mean' | 'best'

export interface HeatCell {
  value: number | null
  /** Those that are in it, best first. */
  trials: Trial[]
}

export interface Heat {
  columns: string[]
  rows: string[]
  /** By row, then column. */
  cells: HeatCell[][]
}

/** One measure over two parameters, the mean or the best over all others, of what can be compared. */
export function heatOf(
  trials: readonly Trial[],
  across: string,
  down: string,
  measure: Measure,
  gathering: Gathering,
): Heat {
  const [x, y] = [across, down].map((flag) => axis(trials.map(({ point }) => point[flag] ?? '')))
  if (!x || !y) return { columns: [], rows: [], cells: [] }
  const most = mostParts(trials)
  const found = y.labels.map(() => x.labels.map((): Trial[] => []))
  for (const trial of trials)
    found[y.place(trial.point[down] ?? '')]?.[x.place(trial.point[across] ?? '')]?.push(trial)
  const sign = LESS.has(measure) ? 1 : -1
  const cells = found.map((row) =>
    row.map((within): HeatCell => {
      const ranked = [...within].sort(
        (a, b) =>
          sign *
            ((a.values[measure] ?? -sign * Infinity) - (b.values[measure] ?? -sign * Infinity)) ||
          a.rank - b.rank,
      )
      const known = ranked.flatMap(({ parts, values }) =>
        parts === most ? (values[measure] ?? []) : [],
      )
      const [best = null] = known
      const mean = known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length
      return { value: gathering === 'best' ? best : mean, trials: ranked }
    }),
  )
  return { columns: x.labels, rows: y.labels, cells }
}
