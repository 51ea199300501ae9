import '@fontsource-variable/inter'
import '@fontsource-variable/jetbrains-mono'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { io } from 'socket.io-client'
import { App, type OpenSocket } from '@/app/App'
import { SERVICES } from '@/shared/api/request'
import { makeStore } from '@/shared/store'

const open: OpenSocket = (service, token) =>
  io({
    path: `${SERVICES[service]}/socket.io`,
    transports: ['websocket'],
    autoConnect: false,
    auth: (give) => give({ token: token() }),
  })

const root = document.getElementById('root')
if (root === null) throw new Error('there is nowhere to draw')
createRoot(root).render(
  <BrowserRouter>
    <App store={makeStore()} open={open} />
  </BrowserRouter>,
)
