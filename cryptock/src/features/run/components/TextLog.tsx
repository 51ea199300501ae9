/** Lines of text of a strategy, each with its time and level. */
import { useMemo } from 'react'
import { wireTime } from '@/shared/format'
import { LogLines } from '@/shared/ui/LogLines'
import { HEIGHT, type Shown } from './Components'

export function TextLog({ format, data }: Shown) {
  const lines = useMemo(
    () =>
      data.rows.map(([time, level, text], index) => ({
        key: data.offset + index,
        at: wireTime(String(time)),
        level: String(level),
        text: String(text),
      })),
    [data],
  )
  return <LogLines label={format.title} lines={lines} height={`${HEIGHT - 48}px`} empty="" />
}
