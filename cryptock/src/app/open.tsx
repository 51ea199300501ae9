/** Draw one of the pages where its document has room for it. */
import '@fontsource-variable/inter'
import '@fontsource-variable/jetbrains-mono'
import type { ComponentType, ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { io } from 'socket.io-client'
import { SERVICES } from '@/shared/api/request'
import { makeStore } from '@/shared/store'
import { App, type OpenSocket } from './App'
import type { Place } from './place'

const open: OpenSocket = (service, token) =>
  io({
    path: `${SERVICES[service]}/socket.io`,
    transports: ['websocket'],
    autoConnect: false,
    auth: (give) => give({ token: token() }),
  })

export function openPlace(place: Place, Router: ComponentType<{ children: ReactNode }>): void {
  const root = document.getElementById('root')
  if (root === null) throw new Error('there is nowhere to draw')
  createRoot(root).render(
    <Router>
      <App store={makeStore()} open={open} place={place} />
    </Router>,
  )
}
