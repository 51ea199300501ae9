/** The whole page with a recorded service and a socket that tests hold in their hands. */
import { act, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { MemoryRouter } from 'react-router'
import { App } from '@/app/App'
import { CRYPTOCK } from '@/app/pages'
import type { Place } from '@/app/place'
import type { RunsPushed } from '@/shared/api/runs'
import type { Pushed } from '@/shared/api/wire'
import { makeStore } from '@/shared/store'
import { posted } from './service'
import { FakeSocket } from './socket'

const frames = (count: number) =>
  new Promise<void>((done) => {
    const next = (left: number) =>
      left === 0 ? done() : requestAnimationFrame(() => next(left - 1))
    next(count)
  })

export async function openPage(
  path = '/market',
  until = 'xWrap connected',
  place: Place = CRYPTOCK,
) {
  posted.length = 0
  const store = makeStore()
  const sockets = { xwrap: new FakeSocket(), cryptick: new FakeSocket() }
  const socket = sockets.xwrap
  const user = userEvent.setup()
  render(
    <MemoryRouter initialEntries={[path]}>
      <App store={store} open={(name) => sockets[name]} place={place} />
    </MemoryRouter>,
  )
  await screen.findByText(new RegExp(until))
  const push = <K extends keyof Pushed>(event: K, params: Pushed[K]) =>
    act(async () => {
      socket.hear(event, params)
      await frames(2)
    })
  /** Have Cryptick tell something. */
  const tell = <K extends keyof RunsPushed>(event: K, params: RunsPushed[K]) =>
    act(async () => {
      sockets.cryptick.hear(event, params)
      await frames(2)
    })
  return { store, socket, hub: sockets.cryptick, user, push, tell }
}

/** Where something was posted, and what. */
export const sent = (path: string): unknown[] =>
  posted.flatMap((each) => (each.path.endsWith(path) ? [each.body] : []))
