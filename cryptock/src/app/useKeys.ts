import { useEffect, useRef } from 'react'

export type Keys = Record<string, () => void>

/** Act on keys: `ctrl+k`, `?`, or two after another such as `g m`; not while somebody types or a dialog is open. */
export function useKeys(keys: Keys): void {
  const current = useRef(keys)
  useEffect(() => {
    current.current = keys
  })
  useEffect(() => {
    let before = ''
    const press = (event: KeyboardEvent) => {
      const control = event.ctrlKey || event.metaKey
      const target = event.target instanceof HTMLElement ? event.target : null
      const busy = target?.closest('input, textarea, [contenteditable], [role="dialog"]')
      const key = event.key.toLowerCase()
      const name = control ? `ctrl+${key}` : event.key
      const act =
        current.current[name] ?? (control ? undefined : current.current[`${before} ${key}`])
      before = busy || control ? '' : key
      if (act === undefined || (busy && !control)) return
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [])
}
