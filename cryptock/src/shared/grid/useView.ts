import { useMemo, useState } from 'react'
import { useSearchParams } from 'react-router'
import { asView, type GridView, readViews, type SavedViews, viewText, writeViews } from './view'

export interface ViewInUse {
  view: GridView
  /** The view as it stands in a link. */
  text: string
  change: (next: GridView) => void
  saved: SavedViews
  /** Keep the view under a name, or show it first from now on. */
  save: (name: string, first: boolean) => void
  remove: (name: string) => void
  /** Show a saved view, or the one that there is at first. */
  show: (name: string | null) => void
}

/** How a grid is looked at: as the page's address says, or as a person has said before, or as it is made. */
export function useView(place: string, ids: readonly string[], standard: GridView): ViewInUse {
  const [params, setParams] = useSearchParams()
  const [saved, setSaved] = useState(() => readViews(place))
  const text = params.get('view')
  const view = useMemo(() => {
    const first = saved.first === null ? null : (saved.views[saved.first] ?? null)
    return asView(text, ids) ?? asView(first, ids) ?? standard
  }, [text, saved, ids, standard])
  const put = (next: string) =>
    setParams(
      (known) => {
        known.set('view', next)
        return known
      },
      { replace: true },
    )
  const keep = (next: SavedViews) => {
    writeViews(place, next)
    setSaved(next)
  }
  return {
    view,
    text: viewText(view),
    saved,
    change: (next) => put(viewText(next)),
    show: (name) => put((name === null ? null : saved.views[name]) ?? viewText(standard)),
    save: (name, first) =>
      keep({
        first: first ? name : saved.first === name ? null : saved.first,
        views: { ...saved.views, [name]: viewText(view) },
      }),
    remove: (name) =>
      keep({
        first: saved.first === name ? null : saved.first,
        views: Object.fromEntries(Object.entries(saved.views).filter(([each]) => each !== name)),
      }),
  }
}
