/** What is around the hub's messages: who is signed in, and whether what is shown is true now. */
import Brightness6 from '@mui/icons-material/Brightness6'
import { Box, Button, IconButton, Tooltip } from '@mui/material'
import { Suspense } from 'react'
import { Outlet } from 'react-router'
import { Broken } from '@/app/Broken'
import { selectSession, signedOut } from '@/shared/api/session'
import { useLogoutMutation } from '@/shared/api/xwrap'
import { duration, utc } from '@/shared/format'
import { useAppDispatch, useAppSelector, useNow } from '@/shared/hooks'
import { selectHub } from '@/shared/live/runs'
import { Word } from '@/shared/ui/parts'

export function HubFrame({ onScheme }: { onScheme: () => void }) {
  const dispatch = useAppDispatch()
  const { name } = useAppSelector(selectSession)
  const { connection, since } = useAppSelector(selectHub)
  const [logout] = useLogoutMutation()
  const now = useNow()
  const live = connection === 'live'
  const leave = async () => {
    await logout()
    dispatch(signedOut(''))
  }
  return (
    <Box
      sx={{
        height: '100dvh',
        display: 'grid',
        gridTemplate: '"top" 52px "page" minmax(0, 1fr) / minmax(0, 1fr)',
      }}
    >
      <Box
        component="header"
        sx={{
          display: 'flex',
          alignItems: 'center',
          gap: 3,
          px: { xs: 2, sm: 4 },
          borderBottom: 1,
          borderColor: 'divider',
          bgcolor: 'background.paper',
          whiteSpace: 'nowrap',
        }}
      >
        <img src="/icon.svg" alt="" width={28} height={28} />
        <Box component="h1" sx={{ fontSize: 16, fontWeight: 700, m: 0 }}>
          Hub
        </Box>
        <Word tone={live ? 'good' : 'warn'}>
          {live ? '● connected' : `○ ${connection === 'lost' ? 'away' : 'connecting …'}`}
          {connection === 'lost' && since > 0 && ` for ${duration(now - since)}`}
        </Word>
        <Box sx={{ flex: 1 }} />
        <Box
          component="span"
          sx={{
            display: { xs: 'none', sm: 'inline' },
            fontFamily: (t) => t.numbers,
            color: 'text.secondary',
            fontSize: 12,
          }}
        >
          {utc(now).slice(11)}
        </Box>
        <Tooltip title="Sign out">
          <Button color="inherit" onClick={() => void leave()}>
            {name}
          </Button>
        </Tooltip>
        <Tooltip title="Light or dark">
          <IconButton aria-label="Light or dark" onClick={onScheme}>
            <Brightness6 />
          </IconButton>
        </Tooltip>
      </Box>
      <Box component="main" sx={{ overflow: 'auto', p: { xs: 2, sm: 4 } }}>
        <Broken>
          <Suspense fallback={null}>
            <Outlet />
          </Suspense>
        </Broken>
      </Box>
    </Box>
  )
}
