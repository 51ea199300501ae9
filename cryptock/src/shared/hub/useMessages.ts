/** The messages of a run's hub: the newest, what comes, and what was before, as far as it is asked for. */
import { use, useCallback, useEffect, useReducer, useRef, useState } from 'react'
import { useLazyGetMessagesQuery } from '../api/cryptick'
import type { HubMessage } from '../api/runs'
import { RunsContext, useAppSelector } from '../hooks'
import { selectHub } from '../live/runs'

export interface MessageFilter {
  /** A pattern such as `exchange.*`; empty for all. */
  method: string
  /** Occurs anywhere in a message; empty for all. */
  text: string
}

const PAGE = 200
const KEPT_MAX = 20_000
/** Before all that can be numbered. */
const NEWEST = Number.MAX_SAFE_INTEGER

interface Known {
  /** Rising by their sequence. */
  messages: HubMessage[]
  /** Where older ones are asked for; 0 at the beginning. */
  before: number
}

type Found = { newer: HubMessage[] } | { older: HubMessage[]; before: number }

/** What is known with what was found; nothing twice, and not without end. */
export function joined({ messages, before }: Known, found: Found): Known {
  if ('older' in found) {
    const first = messages[0]?.sequence ?? NEWEST
    const older = found.older.filter(({ sequence }) => sequence < first).reverse()
    return { messages: [...older, ...messages], before: found.before }
  }
  const last = messages.at(-1)?.sequence ?? -1
  const newer = found.newer.filter(({ sequence }) => sequence > last)
  if (newer.length === 0) return { messages, before }
  const all = [...messages, ...newer]
  const kept = all.slice(-KEPT_MAX)
  return { messages: kept, before: kept.length < all.length ? (kept[0]?.sequence ?? 0) : before }
}

/** Whether a message passes a filter, as the service decides it. */
export function passes(message: HubMessage, { method, text }: MessageFilter): boolean {
  const pattern = method
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return (
    (method === '' || new RegExp(`^${pattern}$`).test(message.message.method)) &&
    (text === '' || JSON.stringify(message).toLowerCase().includes(text.toLowerCase()))
  )
}

/** Asks for pages; a run or filter that changes needs another component: give it a key. */
export function useMessages(runId: string, filter: MessageFilter) {
  const runs = use(RunsContext)
  const live = useAppSelector(selectHub).connection === 'live'
  const [ask, { error, isFetching }] = useLazyGetMessagesQuery()
  const [known, add] = useReducer(joined, { messages: [], before: NEWEST })
  const [asked, setAsked] = useState(false)
  /** The newest sequence that has been looked at, whether it passes the filter or not. */
  const seen = useRef(0)
  const { method, text } = filter
  const query = useCallback(
    () => ({ runId, limit: PAGE, method: method || undefined, text: text || undefined }),
    [runId, method, text],
  )
  const catchUp = useCallback(async () => {
    for (;;) {
      const after = seen.current
      const { data } = await ask({ ...query(), after })
      if (data === undefined) return
      add({ newer: data.messages })
      seen.current = Math.max(after, data.next)
      if (data.next >= data.last || data.next <= after) return
    }
  }, [ask, query])
  const older = useCallback(
    (before: number) =>
      ask({ ...query(), before }).then(({ data }) => {
        if (data !== undefined) add({ older: data.messages, before: data.next })
        return data
      }),
    [ask, query],
  )
  useEffect(() => {
    void older(NEWEST).then((data) => {
      if (data === undefined) return
      seen.current = data.last
      setAsked(true)
    })
  }, [older])
  useEffect(() => {
    if (!live || !asked || runs === null) return undefined
    void catchUp()
    return runs.follow(runId, 'messages', (event) => {
      if (!('messages' in event)) return
      const first = event.messages[0]
      if (first !== undefined && first.sequence > seen.current + 1) return void catchUp()
      seen.current = Math.max(seen.current, event.last)
      add({ newer: event.messages.filter((each) => passes(each, { method, text })) })
    })
  }, [live, asked, runs, runId, method, text, catchUp])
  return {
    messages: known.messages,
    asked,
    error,
    older:
      asked && known.before > 0
        ? { busy: isFetching, load: () => void older(known.before) }
        : undefined,
  }
}
