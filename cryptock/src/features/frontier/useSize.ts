import { useLayoutEffect, useState } from 'react'

/** Attach to an element to know its size as it is laid out, in pixels; 0 before that. */
export function useSize(): [
  (element: HTMLElement | null) => void,
  { width: number; height: number },
] {
  const [element, attach] = useState<HTMLElement | null>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  useLayoutEffect(() => {
    if (element === null) return undefined
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element
      setSize((kept) => (kept.width === width && kept.height === height ? kept : { width, height }))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [element])
  return [attach, size]
}
