/** The components of a run by their ids, with what they hold. */
import { skipToken } from '@reduxjs/toolkit/query'
import { useGetRowsQuery } from '@/shared/api/cryptick'
import type { Cell, ComponentFormat } from '@/shared/api/runs'

const NONE: Cell[][] = []

/** A component's rows; while those of its next generation are read, the ones before stay. */
export function useLatest(runId: string, format: ComponentFormat | undefined): Cell[][] {
  const { data } = useGetRowsQuery(
    format === undefined
      ? skipToken
      : { runId, id: format.id, generation: format.generation, rows: format.rows },
  )
  return data?.rows ?? NONE
}

/** A text among a component's options; empty without one. */
export function textOption(format: ComponentFormat | undefined, name: string): string {
  const value = format?.options[name]
  return typeof value === 'string' ? value : ''
}
