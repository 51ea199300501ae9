/** What the strategy says, newest first. */
import { Box, Button } from '@mui/material'
import { memo, useState } from 'react'
import type { Cell } from '@/shared/api/runs'
import { count, wireTime } from '@/shared/format'
import { Ago, Card, Empty, Word } from '@/shared/ui/parts'

const SHOWN = 12
const MORE = 100

export const Log = memo(function Log({ title, rows }: { title: string; rows: Cell[][] }) {
  const [most, setMost] = useState(SHOWN)
  const lines = rows.slice(-most).reverse()
  const older = rows.length - lines.length
  return (
    <Card title={title}>
      {rows.length === 0 && <Empty text="The strategy has said nothing yet." />}
      <Box
        role="log"
        aria-label={title}
        aria-live="off"
        tabIndex={0}
        sx={{
          maxHeight: 320,
          overflow: 'auto',
          fontSize: 13,
          '& > div': {
            display: 'grid',
            gridTemplateColumns: '84px minmax(0, 1fr)',
            columnGap: 3,
            py: 1,
          },
        }}
      >
        {lines.map(([time, level, text], index) => (
          <div key={rows.length - index}>
            <Box component="span" sx={{ color: 'text.secondary' }}>
              <Ago at={wireTime(String(time))} />
            </Box>
            <Box component="span" sx={{ overflowWrap: 'anywhere' }}>
              {(level === 'warning' || level === 'error') && (
                <>
                  <Word tone={level === 'error' ? 'bad' : 'warn'}>{level}</Word>{' '}
                </>
              )}
              {text}
            </Box>
          </div>
        ))}
      </Box>
      {older > 0 && (
        <Button onClick={() => setMost(most + MORE)} sx={{ mt: 2 }}>
          Show {count(Math.min(MORE, older), 'older line')}
        </Button>
      )}
    </Card>
  )
})
