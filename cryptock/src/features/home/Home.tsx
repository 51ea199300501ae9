/** Where everybody lands: what runs, what money there is, and how the next run is started. */
import { Box, useMediaQuery } from '@mui/material'
import { useRef } from 'react'
import { useSearchParams } from 'react-router'
import type { RunMode } from '@/shared/api/runs'
import { MODES } from '@/shared/ui/Mode'
import { Funds } from './Funds'
import { RecentRuns } from './RecentRuns'
import { StartForm } from './StartForm'
import { Welcome } from './Welcome'

const isMode = (text: string | null): text is RunMode => text !== null && text in MODES

export function Home() {
  const [params, setParams] = useSearchParams()
  const narrow = useMediaQuery('(max-width: 1200px)')
  const form = useRef<HTMLDivElement>(null)
  const strategy = params.get('strategy')
  const mode = params.get('mode')
  const from = params.get('from')
  const prepare = (wish: Record<string, string>) => {
    setParams(wish)
    form.current?.focus()
  }
  const start = (
    <Box key="start" ref={form} tabIndex={-1} sx={{ minWidth: 0, outline: 'none' }}>
      <StartForm
        key={`${strategy} ${mode} ${from}`}
        wish={{
          strategy: strategy ?? undefined,
          mode: isMode(mode) ? mode : undefined,
          from: from ?? undefined,
        }}
      />
    </Box>
  )
  const runs = <RecentRuns key="runs" onStart={() => prepare({ mode: 'backtest' })} />
  const funds = <Funds key="funds" />
  return (
    <Box
      sx={{
        display: 'grid',
        gap: 3,
        alignItems: 'start',
        gridTemplateColumns: narrow ? 'minmax(0, 1fr)' : 'minmax(0, 7fr) minmax(0, 6fr)',
      }}
    >
      <Welcome onStart={(name, wanted) => prepare({ strategy: name, mode: wanted })} />
      {narrow ? (
        [runs, start, funds]
      ) : (
        <>
          {start}
          <Box sx={{ display: 'grid', gap: 3, minWidth: 0 }}>
            {runs}
            {funds}
          </Box>
        </>
      )}
    </Box>
  )
}
