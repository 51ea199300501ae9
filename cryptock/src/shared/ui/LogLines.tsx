/** Lines with time and level, filtered by level and text. */
import { Box, MenuItem, TextField } from '@mui/material'
import { useMemo, useState } from 'react'
import { count, utc } from '../format'
import { FollowList } from './FollowList'
import { Empty } from './parts'

export interface LogLine {
  key: string | number
  /** In ms since 1970; null for what continues the line before. */
  at: number | null
  /** Empty where lines have none. */
  level: string
  text: string
}

const LEVELS = ['debug', 'info', 'warning', 'error']
const keyOf = ({ key }: LogLine) => key

export function LogLines({
  label,
  lines,
  height,
  empty,
  older,
}: {
  label: string
  lines: readonly LogLine[]
  height: string
  empty: string
  older?: { busy: boolean; load: () => void } | undefined
}) {
  const [least, setLeast] = useState('debug')
  const [text, setText] = useState('')
  const wanted = text.trim().toLowerCase()
  const shown = useMemo(
    () =>
      lines.filter(
        (line) =>
          (line.level === '' || LEVELS.indexOf(line.level) >= LEVELS.indexOf(least)) &&
          line.text.toLowerCase().includes(wanted),
      ),
    [lines, least, wanted],
  )
  const levelled = lines.some(({ level }) => level !== '')
  if (lines.length === 0) return <Empty text={empty} />
  return (
    <>
      <Box sx={{ display: 'flex', gap: 2, alignItems: 'center', flexWrap: 'wrap', mb: 2 }}>
        {levelled && (
          <TextField
            select
            label="Level"
            value={least}
            onChange={(event) => setLeast(event.target.value)}
            sx={{ width: 140 }}
          >
            <MenuItem value="debug">all</MenuItem>
            <MenuItem value="info">info and above</MenuItem>
            <MenuItem value="warning">warnings</MenuItem>
            <MenuItem value="error">errors</MenuItem>
          </TextField>
        )}
        <TextField
          label="Text"
          value={text}
          onChange={(event) => setText(event.target.value)}
          sx={{ width: 180 }}
        />
        <Box component="span" sx={{ fontSize: 12, color: 'text.secondary' }}>
          {shown.length < lines.length && `${shown.length} of `}
          {count(lines.length, 'line')}
        </Box>
      </Box>
      {shown.length === 0 && <Empty text="No line fits." />}
      {shown.length > 0 && (
        <FollowList
          label={label}
          items={shown}
          keyOf={keyOf}
          height={height}
          older={older}
          render={({ at, level, text: said }) => (
            <Box
              sx={{
                display: 'grid',
                gridTemplateColumns: {
                  xs: '138px minmax(0, 1fr)',
                  sm: levelled ? '138px 58px minmax(0, 1fr)' : '138px minmax(0, 1fr)',
                },
                columnGap: 2,
                py: '2px',
                lineHeight: '20px',
              }}
            >
              <Box
                component="span"
                sx={{ color: 'text.secondary', fontSize: 12, fontFamily: (t) => t.numbers }}
              >
                {at !== null && utc(at).slice(0, 19)}
              </Box>
              {levelled && (
                <Box
                  component="span"
                  sx={{
                    fontSize: 12,
                    fontWeight: 600,
                    color: ({ tokens }) =>
                      level === 'error'
                        ? tokens.danger
                        : level === 'warning'
                          ? tokens.warn
                          : tokens.dim,
                  }}
                >
                  {level}
                </Box>
              )}
              <Box
                component="span"
                sx={{
                  gridColumn: { xs: '1 / -1', sm: 'auto' },
                  whiteSpace: 'pre-wrap',
                  overflowWrap: 'anywhere',
                  ...(level === 'error' && { color: ({ tokens }) => tokens.danger }),
                }}
              >
                {said}
              </Box>
            </Box>
          )}
        />
      )}
    </>
  )
}
