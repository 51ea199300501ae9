/** What xWrap's log says, as it says it. */
import { Box, InputBase, ToggleButton, ToggleButtonGroup, Typography } from '@mui/material'
import { useMemo, useState } from 'react'
import type { LogRecord } from '@/shared/api/wire'
import { useGetRecentLogsQuery } from '@/shared/api/xwrap'
import { useAppSelector } from '@/shared/hooks'
import { selectLogs } from '@/shared/live/market'
import { Ago, Card, Empty, ErrorNote, Word } from '@/shared/ui/parts'
import { type Column, Table } from '@/shared/ui/Table'

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']
const FLOORS = { all: 'DEBUG', info: 'INFO', warnings: 'WARNING', errors: 'ERROR' } as const
type Floor = keyof typeof FLOORS

const COLUMNS: Column<LogRecord>[] = [
  { name: 'When', width: '88px', cell: (record) => <Ago at={record.created * 1000} /> },
  { name: 'Level', width: '80px', cell: ({ levelname }) => <Level name={levelname} /> },
  { name: 'What', width: 'minmax(320px, 1fr)', cell: ({ message }) => <Text text={message} /> },
  { name: 'Where', width: '220px', cell: ({ name }) => name },
]

function Level({ name }: { name: string }) {
  const at = LEVELS.indexOf(name)
  return (
    <Word tone={at >= 3 ? 'bad' : at === 2 ? 'warn' : 'dim'}>
      {name.charAt(0) + name.slice(1).toLowerCase()}
    </Word>
  )
}

const Text = ({ text }: { text: string }) => <span title={text}>{text}</span>

/** Records of at least a level that have a text, newest first. */
export function matching(records: readonly LogRecord[], floor: Floor, text: string): LogRecord[] {
  const least = LEVELS.indexOf(FLOORS[floor])
  const wanted = text.trim().toLowerCase()
  return records
    .filter(
      ({ levelname, name, message }) =>
        LEVELS.indexOf(levelname) >= least && `${name} ${message}`.toLowerCase().includes(wanted),
    )
    .toReversed()
}

export function Logs() {
  const { data: recent = [], error } = useGetRecentLogsQuery()
  const pushed = useAppSelector(selectLogs)
  const [floor, setFloor] = useState<Floor>('all')
  const [text, setText] = useState('')
  const records = useMemo(() => {
    const first = pushed[0]?.created ?? Infinity
    return [...recent.filter(({ created }) => created < first), ...pushed]
  }, [recent, pushed])
  const shown = useMemo(() => matching(records, floor, text), [records, floor, text])
  return (
    <Card
      title="Log"
      action={
        <>
          <InputBase
            placeholder="Search"
            inputProps={{ 'aria-label': 'Search the log' }}
            value={text}
            onChange={(event) => setText(event.target.value)}
            sx={{ border: 1, borderColor: 'divider', borderRadius: '6px', px: 2, width: 180 }}
          />
          <ToggleButtonGroup
            size="small"
            exclusive
            aria-label="Least level"
            value={floor}
            onChange={(_, next: Floor | null) => next && setFloor(next)}
          >
            {Object.keys(FLOORS).map((each) => (
              <ToggleButton key={each} value={each}>
                {each}
              </ToggleButton>
            ))}
          </ToggleButtonGroup>
        </>
      }
    >
      <ErrorNote error={error} />
      {shown.length > 0 ? (
        <Table
          label="Log"
          columns={COLUMNS}
          rows={shown}
          keyOf={(record) => `${record.created} ${record.message}`}
          height="calc(100dvh - 420px)"
        />
      ) : (
        <Empty
          text={
            records.length > 0
              ? 'Nothing in the log is like that.'
              : 'Nothing has been logged: warnings and errors come here as they happen.'
          }
        />
      )}
      <Box sx={{ mt: 2 }}>
        <Typography variant="body2" color="textSecondary">
          {records.length > 0 && `${shown.length} of the newest ${records.length} records`}
        </Typography>
      </Box>
    </Card>
  )
}
