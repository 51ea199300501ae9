import { type TypedUseSelectorHook, useDispatch, useSelector } from 'react-redux'
import { useEffect, useSyncExternalStore } from 'react'
import { createContext, use } from 'react'
import type { Live } from './live/live'
import type { Topic } from './live/market'
import type { RunsLive } from './live/runs'
import type { AppDispatch, RootState } from './store'

export const useAppDispatch: () => AppDispatch = useDispatch
export const useAppSelector: TypedUseSelectorHook<RootState> = useSelector

export const LiveContext = createContext<Pick<Live, 'want'> | null>(null)

export const RunsContext = createContext<Pick<RunsLive, 'follow'> | null>(null)

/** Have market data pushed while the component is shown; nothing without a pair. */
export function useTopic(channel: Topic['channel'], exchange: string, pair: string | null): void {
  const live = use(LiveContext)
  useEffect(() => {
    if (live === null || pair === null || exchange === '') return undefined
    return live.want({ channel, exchange, pair })
  }, [live, channel, exchange, pair])
}

const listeners = new Set<() => void>()
let second = Math.floor(Date.now() / 1000)
let timer: ReturnType<typeof setInterval> | null = null

function listen(heard: () => void): () => void {
  listeners.add(heard)
  timer ??= setInterval(() => {
    second = Math.floor(Date.now() / 1000)
    for (const listener of listeners) listener()
  }, 1000)
  return () => {
    listeners.delete(heard)
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  }
}

/** The time in ms since 1970, to the second; all components that use it are drawn together. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => second) * 1000
}
