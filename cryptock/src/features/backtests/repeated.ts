/** Whether a run that was run again has come to the same. */
import type { Manifest, Run, TablePage } from '@/shared/api/runs'

export interface Verdict {
  /** Orders and trades, to the last digit. */
  same: boolean
  /** What was not as it was. */
  causes: string[]
}

/** How far a backtest is, for a bar. */
export const progressOf = ({ progress }: Run) =>
  typeof progress === 'number' ? ({ variant: 'determinate', value: progress * 100 } as const) : {}

/** Null where it can't be said. Orders have ids of their own in each run: these don't count. */
export function verdict(
  before: Run,
  after: Run,
  tables: readonly (readonly [TablePage, TablePage])[],
): Verdict | null {
  if (tables.some(([one]) => one.rows.length < one.total)) return null
  const same = tables.every(
    ([one, other]) => one.total === other.total && text(one) === text(other),
  )
  return { same, causes: causes(before.manifest, after.manifest) }
}

function text({ columns, rows }: TablePage): string {
  const id = columns.indexOf('client_oid')
  return JSON.stringify(rows.map((row) => row.filter((_, index) => index !== id)))
}

function causes(before?: Manifest, after?: Manifest): string[] {
  if (!before || !after) return []
  const differ = (part: (one: Manifest) => unknown) =>
    JSON.stringify(part(before)) !== JSON.stringify(part(after))
  return [
    differ(({ strategy }) => strategy.source) ? 'the strategy was changed' : '',
    differ(({ code }) => [code.source, code.python]) ? 'Cryptick was changed' : '',
    differ(({ params }) => params) ? 'its parameters are different' : '',
    differ(({ data }) => data.map(({ start_s, end_s }) => [start_s, end_s]))
      ? 'the history is of another period'
      : differ(({ data }) => data)
        ? 'the history was changed'
        : '',
    differ(({ fees }) => fees) ? 'the fees are different' : '',
    differ(({ fills }) => fills) ? 'orders are filled by another model' : '',
  ].filter(Boolean)
}
