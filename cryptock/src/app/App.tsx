import { CssBaseline, ThemeProvider, useMediaQuery } from '@mui/material'
import { useEffect, useMemo, useState } from 'react'
import { Provider } from 'react-redux'
import { Navigate, Route, Routes } from 'react-router'
import { SignIn, Unreachable } from '@/features/session/SignIn'
import { isUnclear } from '@/shared/api/problem'
import { renew, send, type Service } from '@/shared/api/request'
import { selectIsReady, selectSession, signedIn, signedOut } from '@/shared/api/session'
import type { Notifications, Session } from '@/shared/api/wire'
import { cryptickApi } from '@/shared/api/cryptick'
import { xwrapApi } from '@/shared/api/xwrap'
import { LiveContext, RunsContext, useAppDispatch, useAppSelector } from '@/shared/hooks'
import type { Socket } from '@/shared/live/link'
import { Live } from '@/shared/live/live'
import { RunsLive } from '@/shared/live/runs'
import { ordersForgotten } from '@/shared/live/orders'
import type { AppStore } from '@/shared/store'
import { makeTheme, type Scheme } from '@/shared/theme'
import { type Place, PlaceContext } from './place'

export type OpenSocket = (service: Service, token: () => string | null) => Socket

const SCHEME = 'cryptock.scheme'
const RENEW_AGAIN_MS = 2000

/** What is pushed, for a store's session. */
function liveFor(store: AppStore, open: OpenSocket) {
  const token = () => store.getState().session.token
  const renewSession = async () => {
    const renewed = await renew()
    if ('data' in renewed) store.dispatch(signedIn(renewed.data as Session))
    else if (renewed.error.status === 401) store.dispatch(signedOut('Your session has ended.'))
  }
  const common = {
    renew: renewSession,
    dispatch: (action: unknown) => store.dispatch(action as never),
    getState: () => store.getState(),
  }
  const market = new Live({
    ...common,
    open: () => open('xwrap', token),
    catchUp: async (seq, page) => {
      const call = {
        path: '/xwrap/v1/notifications',
        query: { seq: seq ?? undefined, after: page ?? undefined },
      }
      let answer = await send(call, token())
      if ('error' in answer && answer.error.status === 401) {
        await renewSession()
        answer = await send(call, token())
      }
      if ('error' in answer) throw new Error(answer.error.message)
      return answer.data as Notifications
    },
  })
  return { market, runs: new RunsLive({ ...common, open: () => open('cryptick', token) }) }
}

export function App({ store, open, place }: { store: AppStore; open: OpenSocket; place: Place }) {
  const dark = useMediaQuery('(prefers-color-scheme: dark)', { noSsr: true })
  const [chosen, setChosen] = useState(() => localStorage.getItem(SCHEME) as Scheme | null)
  const scheme = chosen ?? (dark ? 'dark' : 'light')
  const theme = useMemo(() => makeTheme(scheme), [scheme])
  const live = useMemo(() => liveFor(store, open), [store, open])
  const toggle = () => {
    const next = scheme === 'dark' ? 'light' : 'dark'
    localStorage.setItem(SCHEME, next)
    setChosen(next)
  }
  return (
    <Provider store={store}>
      <ThemeProvider theme={theme}>
        <CssBaseline enableColorScheme />
        <PlaceContext value={place}>
          <LiveContext value={live.market}>
            <RunsContext value={live.runs}>
              <Content live={live} place={place} onScheme={toggle} />
            </RunsContext>
          </LiveContext>
        </PlaceContext>
      </ThemeProvider>
    </Provider>
  )
}

function Content({
  live,
  place,
  onScheme,
}: {
  live: ReturnType<typeof liveFor>
  place: Place
  onScheme: () => void
}) {
  const dispatch = useAppDispatch()
  const { status } = useAppSelector(selectSession)
  const ready = useAppSelector(selectIsReady)
  const [away, setAway] = useState(false)
  useEffect(() => {
    if (status !== 'unknown') return undefined
    let again: ReturnType<typeof setTimeout> | undefined
    let left = false
    const ask = async () => {
      const answer = await renew()
      if (left) return
      if ('data' in answer) dispatch(signedIn(answer.data as Session))
      else if (isUnclear(answer.error)) {
        // Nobody has been signed out: there is just nobody to ask.
        setAway(true)
        again = setTimeout(() => void ask(), RENEW_AGAIN_MS)
      } else dispatch(signedOut(''))
    }
    void ask()
    return () => {
      left = true
      clearTimeout(again)
    }
  }, [status, dispatch])
  useEffect(() => {
    if (!ready) return undefined
    if (place.served.includes('xwrap')) live.market.start()
    if (place.served.includes('cryptick')) live.runs.start()
    return () => {
      live.market.stop()
      live.runs.stop()
      // Whoever signs in next may not be allowed to see it.
      dispatch(ordersForgotten())
      dispatch(xwrapApi.util.resetApiState())
      dispatch(cryptickApi.util.resetApiState())
    }
  }, [ready, live, place, dispatch])
  if (status === 'unknown') return away ? <Unreachable /> : null
  if (!ready) return <SignIn />
  return (
    <Routes>
      <Route element={<place.Frame onScheme={onScheme} />}>
        {place.pages.map(({ path, Content: Page }) => (
          <Route key={path} path={path} element={<Page />} />
        ))}
        <Route path="*" element={<Navigate to={place.pages[0]?.path ?? '/'} replace />} />
      </Route>
    </Routes>
  )
}
