/** What is around every page: rail, top bar, bottom line, and what is always in reach. */
import Brightness6 from '@mui/icons-material/Brightness6'
import HelpOutline from '@mui/icons-material/HelpOutlineOutlined'
import MoreHoriz from '@mui/icons-material/MoreHoriz'
import Search from '@mui/icons-material/Search'
import {
  Alert,
  Box,
  Button,
  Dialog,
  DialogContent,
  DialogTitle,
  IconButton,
  Menu,
  MenuItem,
  Skeleton,
  Tooltip,
  useMediaQuery,
} from '@mui/material'
import { useTheme } from '@mui/material/styles'
import visuallyHidden from '@mui/utils/visuallyHidden'
import { Suspense, useState } from 'react'
import { matchPath, NavLink, Outlet, useLocation, useNavigate } from 'react-router'
import { KillButton, KillDialog } from '@/features/control/KillSwitch'
import { selectIsAdmin, selectSession, signedOut } from '@/shared/api/session'
import { useGetExchangesQuery, useGetOrdersQuery, useLogoutMutation } from '@/shared/api/xwrap'
import { pairName } from '@/shared/format'
import { useAppDispatch, useAppSelector } from '@/shared/hooks'
import { selectConnection, selectConnectionSince } from '@/shared/live/market'
import { ModeWord } from '@/shared/ui/Mode'
import { Ago } from '@/shared/ui/parts'
import { railOf, usePlace } from './place'
import { type Command, Palette } from './Palette'
import { StatusLine } from './StatusLine'
import { Broken } from './Broken'
import { useKeys } from './useKeys'

export function Frame({ onScheme }: { onScheme: () => void }) {
  const place = usePlace()
  const rail = railOf(place, useAppSelector(selectIsAdmin))
  const isThere = (path: string) => place.pages.some((page) => page.path === path)
  const navigate = useNavigate()
  const dispatch = useAppDispatch()
  const { pathname } = useLocation()
  const { tokens } = useTheme()
  const phone = useMediaQuery('(max-width: 700px)')
  const { name, role } = useAppSelector(selectSession)
  const { data: exchanges = [] } = useGetExchangesQuery()
  useGetOrdersQuery() // the bottom line counts them, and the book shows them
  const [logout] = useLogoutMutation()
  const [shown, setShown] = useState<'palette' | 'kill' | 'help' | null>(null)
  const [anchor, setAnchor] = useState<HTMLElement | null>(null)
  const close = () => setShown(null)
  const mode = exchanges.some((each) => each.mode === 'live')
    ? 'live'
    : exchanges.length > 0
      ? 'paper'
      : null
  const leave = async () => {
    await logout()
    dispatch(signedOut(''))
  }
  const go = (path: string) => void navigate(path)
  useKeys({
    'ctrl+k': () => setShown('palette'),
    '?': () => setShown('help'),
    k: () => setShown('kill'),
    n: () => go('/orders?new'),
    t: onScheme,
    ...Object.fromEntries(rail.map(({ key, path }) => [`g ${key}`, () => go(path)])),
  })
  const commands: Command[] = [
    ...rail.map((page) => ({
      name: `Go to ${page.name}`,
      hint: `g ${page.key}`,
      run: () => go(page.path),
    })),
    { name: 'Start a run', run: () => go('/?mode=paper') },
    { name: 'Start a backtest', run: () => go('/?mode=backtest') },
    { name: 'Welcome: first steps', run: () => go('/?welcome') },
    { name: 'New order', hint: 'n', run: () => go('/orders?new') },
    { name: 'New wallet set: allocate funds', run: () => go('/wallets?new') },
    { name: 'Kill switch', hint: 'k', run: () => setShown('kill') },
    { name: 'Light or dark', hint: 't', run: onScheme },
    { name: 'Help: keys', hint: '?', run: () => setShown('help') },
    { name: 'Sign out', run: () => void leave() },
    ...(isThere('/market') ? exchanges : []).flatMap(({ exchange, pairs }) =>
      pairs.map((pair) => ({
        name: `Market of ${pairName(pair)} on ${exchange}`,
        run: () => go(`/market?of=${exchange}:${pair}`),
      })),
    ),
  ]
  const help: readonly (readonly [string, string])[] = [
    ['Ctrl K', 'find or do anything'],
    ...rail.map(({ key, name: title }) => [`g ${key}`, `go to ${title}`] as const),
    ['n', 'new order'],
    ['k', 'kill switch'],
    ['t', 'light or dark'],
    ['?', 'this help'],
  ]
  const links = rail.map(({ path, name: title, Icon }) => (
    <Tooltip key={path} title={phone ? '' : title} placement="right">
      <Box
        component={NavLink}
        to={path}
        aria-label={title}
        sx={{
          display: 'flex',
          flexDirection: 'column',
          alignItems: 'center',
          justifyContent: 'center',
          gap: 0.5,
          width: 48,
          height: 48,
          borderRadius: '6px',
          color: 'text.secondary',
          textDecoration: 'none',
          fontSize: 12,
          '&.active': { color: 'primary.main', bgcolor: 'action.selected' },
        }}
      >
        <Icon />
        {phone && title}
      </Box>
    </Tooltip>
  ))
  const kill = <KillButton onOpen={() => setShown('kill')} />
  return (
    <Box
      sx={{
        height: '100dvh',
        display: 'grid',
        overflow: 'hidden',
        border: mode === 'live' ? `3px solid ${tokens.live}` : 0,
        gridTemplate: phone
          ? '"top" 52px "page" minmax(0, 1fr) "line" 32px "rail" 60px / minmax(0, 1fr)'
          : '"rail top" 52px "rail page" minmax(0, 1fr) "rail line" 32px / 64px minmax(0, 1fr)',
      }}
    >
      <Box
        component="nav"
        aria-label="Pages"
        sx={{
          gridArea: 'rail',
          display: 'flex',
          flexDirection: phone ? 'row' : 'column',
          alignItems: 'center',
          justifyContent: phone ? 'space-around' : 'flex-start',
          gap: 1,
          p: 1,
          bgcolor: 'background.paper',
          borderRight: phone ? 0 : 1,
          borderTop: phone ? 1 : 0,
          borderColor: 'divider',
        }}
      >
        {phone ? (
          <>
            {links.slice(0, 2)}
            {kill}
            {links.slice(2, 3)}
            {rail.length > 3 && <More links={rail.slice(3)} onGo={go} />}
          </>
        ) : (
          <>
            <Box sx={{ height: 44, display: 'grid', placeItems: 'center' }}>
              <img src="/icon.svg" alt="" width={28} height={28} />
            </Box>
            {links}
          </>
        )}
      </Box>
      <Box
        component="header"
        sx={{
          gridArea: 'top',
          display: 'flex',
          alignItems: 'center',
          gap: phone ? 1 : 3,
          px: phone ? 2 : 4,
          borderBottom: 1,
          borderColor: 'divider',
          bgcolor: 'background.paper',
          minWidth: 0,
        }}
      >
        <Box component="span" sx={{ fontSize: 16, fontWeight: 700 }}>
          {place.title}
        </Box>
        {mode !== null && (
          <Box component="span" sx={{ fontSize: 13 }}>
            <ModeWord mode={mode} dot />
          </Box>
        )}
        <Box sx={{ flex: 1, display: 'flex', justifyContent: 'center' }}>
          {phone ? (
            <IconButton
              aria-label="Find or do anything"
              onClick={() => setShown('palette')}
              sx={{ ml: 'auto' }}
            >
              <Search />
            </IconButton>
          ) : (
            <Button
              color="inherit"
              variant="outlined"
              startIcon={<Search />}
              onClick={() => setShown('palette')}
              sx={{
                width: 'min(420px, 100%)',
                justifyContent: 'flex-start',
                color: 'text.secondary',
                borderColor: 'divider',
                fontWeight: 400,
              }}
            >
              <Box component="span" sx={{ flex: 1, textAlign: 'left' }}>
                Find or do anything
              </Box>
              <kbd>Ctrl K</kbd>
            </Button>
          )}
        </Box>
        {!phone && kill}
        <Button
          color="inherit"
          onClick={(event) => setAnchor(event.currentTarget)}
          aria-haspopup="menu"
          sx={{ minWidth: 0 }}
        >
          {name}
        </Button>
        <Menu open={anchor !== null} anchorEl={anchor} onClose={() => setAnchor(null)}>
          <MenuItem dense disabled>
            {name}, {role}
          </MenuItem>
          <MenuItem
            dense
            onClick={() => {
              setAnchor(null)
              void leave()
            }}
          >
            Sign out
          </MenuItem>
        </Menu>
        {!phone && (
          <Tooltip title="Help (?)">
            <IconButton aria-label="Help" onClick={() => setShown('help')}>
              <HelpOutline />
            </IconButton>
          </Tooltip>
        )}
        <Tooltip title="Light or dark (t)">
          <IconButton aria-label="Light or dark" onClick={onScheme}>
            <Brightness6 />
          </IconButton>
        </Tooltip>
      </Box>
      <Box component="main" sx={{ gridArea: 'page', overflow: 'auto', p: phone ? 2 : 4 }}>
        <h1 style={visuallyHidden}>
          {place.pages.find(({ path }) => matchPath(path, pathname))?.name}
        </h1>
        <Away />
        <Broken key={pathname}>
          <Suspense fallback={<Skeleton variant="rounded" height={400} />}>
            <Outlet />
          </Suspense>
        </Broken>
      </Box>
      <Box sx={{ gridArea: 'line', minWidth: 0 }}>
        <StatusLine />
      </Box>
      <Palette open={shown === 'palette'} commands={commands} onClose={close} />
      <KillDialog open={shown === 'kill'} onClose={close} />
      <Dialog open={shown === 'help'} onClose={close} aria-labelledby="help" maxWidth="xs">
        <DialogTitle id="help">Keys</DialogTitle>
        <DialogContent>
          <Box
            component="dl"
            sx={{
              display: 'grid',
              gridTemplateColumns: '90px 1fr',
              rowGap: 2,
              m: 0,
              '& dd': { m: 0 },
            }}
          >
            {help.map(([keys, what]) => (
              <Box key={keys} sx={{ display: 'contents' }}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{what}</dd>
              </Box>
            ))}
          </Box>
        </DialogContent>
      </Dialog>
    </Box>
  )
}

/** What the rail of a phone has no room for. */
function More({ links, onGo }: { links: ReturnType<typeof railOf>; onGo: (path: string) => void }) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null)
  const { pathname } = useLocation()
  const here = links.some(({ path }) => path === pathname)
  return (
    <>
      <Button
        color={here ? 'primary' : 'inherit'}
        aria-haspopup="menu"
        onClick={(event) => setAnchor(event.currentTarget)}
        sx={{
          flexDirection: 'column',
          fontSize: 12,
          fontWeight: 400,
          minWidth: 48,
          ...(!here && { color: 'text.secondary' }),
        }}
      >
        <MoreHoriz />
        More
      </Button>
      <Menu open={anchor !== null} anchorEl={anchor} onClose={() => setAnchor(null)}>
        {links.map(({ path, name, Icon }) => (
          <MenuItem
            key={path}
            selected={path === pathname}
            onClick={() => {
              setAnchor(null)
              onGo(path)
            }}
            sx={{ gap: 2 }}
          >
            <Icon /> {name}
          </MenuItem>
        ))}
      </Menu>
    </>
  )
}

/** Says that nothing new comes, before somebody takes what is shown for the state of things. */
function Away() {
  const lost = useAppSelector(selectConnection) === 'lost'
  const since = useAppSelector(selectConnectionSince)
  if (!lost) return null
  return (
    <Alert severity="warning" variant="outlined" sx={{ mb: 3 }}>
      <strong>xWrap can’t be reached.</strong> What you see is as it was <Ago at={since} />. Your
      open orders stand at the exchanges and may fill. The page connects again by itself.
    </Alert>
  )
}
