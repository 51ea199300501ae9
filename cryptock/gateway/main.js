/**
 * Serve the page: `node gateway/main.js`, by default for paper and backtest on 127.0.0.1:8200.
 *
 * Environment: PAGE_HOST, PAGE_PORT (8201 for the instance of live trading), XWRAP_URL, CRYPTICK_URL.
 */
import { fileURLToPath } from 'node:url'
import { makeGateway } from './gateway.js'

const { env } = process
const host = env.PAGE_HOST ?? '127.0.0.1'

const server = await makeGateway({
  folder: env.PAGE_FOLDER ?? fileURLToPath(new URL('../dist', import.meta.url)),
  services: {
    '/api/xwrap': new URL(env.XWRAP_URL ?? 'http://127.0.0.1:4242'),
    '/api/cryptick': new URL(env.CRYPTICK_URL ?? 'http://127.0.0.1:5726'),
  },
})
server.on('error', (error) => {
  console.error(`the page can't be served: ${error.message}`)
  process.exitCode = 1
})
server.listen(Number(env.PAGE_PORT ?? 8200), host, () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : ''
  console.log(`page ready: http://${host.includes(':') ? `[${host}]` : host}:${port}`)
})
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    server.close()
    server.closeAllConnections()
    process.exit(0)
  })
