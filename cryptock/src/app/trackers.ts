/** What has a drawing of its own on the page of a run; all else is drawn by the kinds of its components. */
import { type ComponentType, lazy } from 'react'
import type { ComponentFormat, ComponentKind, Run } from '@/shared/api/runs'

/** The body of the page, by the name of the strategy. */
export const TRACKERS: Readonly<Record<string, ComponentType<{ run: Run }>>> = {
  EfficientFrontier: lazy(() =>
    import('@/features/frontier/Tracker').then((it) => ({ default: it.Tracker })),
  ),
}

/** Components by their kind. */
export const KINDS: Readonly<
  Partial<Record<ComponentKind, ComponentType<{ runId: string; format: ComponentFormat }>>>
> = {
  frontier: lazy(() =>
    import('@/features/frontier/FrontierPlot').then((it) => ({ default: it.FrontierPlot })),
  ),
}
