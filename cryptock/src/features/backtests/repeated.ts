/** Whether a run that was run again has come to the same. */
import type { Manifest, Run } from '@/shared/api/runs'

export interface Verdict {
  /** Orders and trades, byte for byte. */
  same: boolean
  /** What was not as it was. */
  causes: string[]
}

/** How far a backtest is, for a bar. */
export const progressOf = ({ progress }: Run) =>
  typeof progress === 'number' ? ({ variant: 'determinate', value: progress * 100 } as const) : {}

/** Null where one of them has not told its results. */
export function verdict(before: Run, after: Run): Verdict | null {
  if (!before.results || !after.results) return null
  const files = Object.entries(before.results)
  const same = files.every(([name, digest]) => after.results?.[name] === digest)
  return { same, causes: causes(before.manifest, after.manifest) }
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
