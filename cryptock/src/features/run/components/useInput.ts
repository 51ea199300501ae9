/** Send what a person sets, the last value last, and know what the component holds. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { usePostValueMutation } from '@/shared/api/cryptick'
import type { ComponentFormat, Run } from '@/shared/api/runs'
import { selectCanTrade } from '@/shared/api/session'
import { useAppSelector } from '@/shared/hooks'
import { selectHub } from '@/shared/live/runs'

const REST_MS = 300

export function useInput<Value>(runId: string, { id }: ComponentFormat) {
  const [post, { error, isLoading, isSuccess }] = usePostValueMutation()
  /** What was set and is not answered yet. */
  const [draft, setDraft] = useState<Value | null>(null)
  const next = useRef<{ value: Value } | null>(null)
  const busy = useRef(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const flush = useCallback(async () => {
    clearTimeout(timer.current)
    if (busy.current) return
    busy.current = true
    while (next.current !== null) {
      const { value } = next.current
      next.current = null
      await post({ runId, id, value })
    }
    busy.current = false
    setDraft(null)
  }, [post, runId, id])
  /** `rest` waits until the person has come to rest. */
  const send = useCallback(
    (value: Value, rest = false) => {
      next.current = { value }
      setDraft(value)
      clearTimeout(timer.current)
      if (rest) timer.current = setTimeout(() => void flush(), REST_MS)
      else void flush()
    },
    [flush],
  )
  useEffect(() => () => clearTimeout(timer.current), [])
  return { draft, send, pending: draft !== null || isLoading, error, sent: isSuccess }
}

/** Why nothing can be set; empty if it can. */
export function useObstacle({ running, state }: Run): string {
  const mayTrade = useAppSelector(selectCanTrade)
  const hub = useAppSelector(selectHub)
  if (!running) return 'The run has ended.'
  if (state === 'starting') return 'The run is starting.'
  if (state === 'stopping') return 'The run is stopping.'
  if (!mayTrade) return 'You may look, but only traders can set it.'
  return hub.connection === 'lost' ? 'Cryptick can’t be reached.' : ''
}
