/** The lines of a run's log: the newest, what comes, and what was before, as far as it is asked for. */
import { use, useCallback, useEffect, useReducer, useRef, useState } from 'react'
import { useLazyGetLogQuery } from '@/shared/api/cryptick'
import type { LogPage } from '@/shared/api/runs'
import { wireTime } from '@/shared/format'
import { RunsContext, useAppSelector } from '@/shared/hooks'
import { selectHub } from '@/shared/live/runs'
import type { LogLine } from '@/shared/ui/LogLines'

const TAIL = 500
const LINES = 1000
const STEP_BYTES = 65_536
const KEPT_MAX = 50_000

interface Known {
  lines: LogLine[]
  /** Bytes of the log that are known. */
  from: number
  to: number
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (.*)$/s
const encoder = new TextEncoder()

/** Lines with where they begin; what has no time goes on with the line before. */
export function logLines({ lines, offset }: Pick<LogPage, 'lines' | 'offset'>): LogLine[] {
  let at = offset
  return lines.map((line) => {
    const key = at
    at += encoder.encode(line).length + 1
    const [, time, text] = TIME.exec(line) ?? []
    return time === undefined || text === undefined
      ? { key, at: null, level: '', text: line }
      : { key, at: wireTime(time), level: '', text }
  })
}

/** What is known with one more page, which overlaps or touches it. */
export function withPage(known: Known, page: LogPage): Known {
  const lines = logLines(page)
  if (known.to === 0) return { lines, from: page.offset, to: page.next }
  if (page.offset < known.from) {
    // One that begins within a line has a rest of it first.
    const whole = page.offset === 0 ? lines : lines.slice(1)
    const before = whole.filter(({ key }) => Number(key) < known.from)
    return { ...known, lines: [...before, ...known.lines], from: Number(before[0]?.key ?? 0) }
  }
  const newer = lines.filter(({ key }) => Number(key) >= known.to)
  if (newer.length === 0) return known
  const kept = [...known.lines, ...newer].slice(-KEPT_MAX)
  return { lines: kept, from: Number(kept[0]?.key ?? 0), to: Math.max(known.to, page.next) }
}

export function useLog(runId: string) {
  const runs = use(RunsContext)
  const live = useAppSelector(selectHub).connection === 'live'
  const [ask, { error, isFetching }] = useLazyGetLogQuery()
  const [known, add] = useReducer(withPage, { lines: [], from: 0, to: 0 })
  const [asked, setAsked] = useState(false)
  const end = useRef(0)
  const take = useCallback((page: LogPage) => {
    add(page)
    end.current = Math.max(end.current, page.next)
  }, [])
  const catchUp = useCallback(async () => {
    for (;;) {
      const { data } = await ask({ runId, offset: end.current, limit: LINES })
      if (data === undefined) return
      take(data)
      if (data.next >= data.size || data.lines.length === 0) return
    }
  }, [ask, runId, take])
  useEffect(() => {
    void ask({ runId, tail: TAIL }).then(({ data }) => {
      if (data === undefined) return
      take(data)
      setAsked(true)
    })
  }, [ask, runId, take])
  useEffect(() => {
    if (!live || !asked || runs === null) return undefined
    void catchUp()
    return runs.follow(runId, 'log', (event) => {
      if (!('lines' in event)) return
      if (event.offset > end.current) void catchUp()
      else take(event)
    })
  }, [live, asked, runs, runId, catchUp, take])
  const load = async () => {
    // As many pages as there are lines in a step: the last one meets what is known.
    let offset = Math.max(0, known.from - STEP_BYTES)
    const pages: LogPage[] = []
    while (offset < known.from) {
      const { data } = await ask({ runId, offset, limit: LINES })
      if (data === undefined || data.lines.length === 0) return
      pages.push(data)
      offset = data.next
    }
    const lines = pages.flatMap((page) => page.lines)
    const first = pages[0]
    if (first) add({ ...first, lines })
  }
  return {
    lines: known.lines,
    asked,
    error,
    older: known.from > 0 ? { busy: isFetching, load: () => void load() } : undefined,
  }
}
