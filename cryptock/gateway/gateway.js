/**
 * What stands between browsers and the services: the page's files, and a proxy to their APIs.
 *
 * A service trusts requests that were made on its own machine without a proxy. Here every request
 * says that it went through one, so that none of them is taken for such.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer, request as ask } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** @typedef {import('node:http').IncomingMessage} Incoming */
/** @typedef {import('node:http').ServerResponse} Outgoing */
/** @typedef {{ type: string, tag: string, cache: string, bodies: Record<string, Buffer> }} Asset */

const TYPES = /** @type {Record<string, string>} */ ({
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
})
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg', '.json'])

const SECURITY = {
  // Styles are made while the page runs, so they are inline; scripts never are.
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
}

/** Headers that are about one connection and not about the message (RFC 9110, 7.6.1). */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * A server for the files of a folder and for services by the first parts of a path.
 *
 * @param {{ folder: string, services: Record<string, URL> }} options `services` by prefix, such as `/api/xwrap`
 */
export async function makeGateway({ folder, services }) {
  const assets = await readAssets(folder)
  const server = createServer((incoming, outgoing) => {
    for (const [name, value] of Object.entries(SECURITY)) outgoing.setHeader(name, value)
    const target = route(incoming.url ?? '/', services)
    if (target) proxy(incoming, outgoing, target)
    else serve(incoming, outgoing, assets)
  })
  server.on('upgrade', (incoming, socket, head) => {
    const target = route(incoming.url ?? '/', services)
    if (target) tunnel(incoming, socket, head, target)
    else socket.destroy()
  })
  return server
}

/**
 * @param {string} url
 * @param {Record<string, URL>} services
 */
function route(url, services) {
  for (const [prefix, service] of Object.entries(services))
    if (url === prefix || url.startsWith(`${prefix}/`) || url.startsWith(`${prefix}?`))
      return { prefix, service, path: url.slice(prefix.length) || '/' }
  return null
}

/**
 * The headers for a service: our client's, with who that is. Whatever it says about that itself is
 * kept before it, as is usual, and never instead of it.
 *
 * @param {Incoming} incoming
 */
export function forwarded(incoming) {
  /** @type {Record<string, string | string[]>} */
  const headers = {}
  const named = (incoming.headers.connection ?? '').toLowerCase()
  const listed = new Set(named.split(',').map((name) => name.trim()))
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined && !HOP.has(name) && !listed.has(name)) headers[name] = value
  const before = incoming.headers['x-forwarded-for']
  const peer = incoming.socket.remoteAddress ?? 'unknown'
  headers['x-forwarded-for'] = before === undefined ? peer : `${String(before)}, ${peer}`
  headers['x-forwarded-proto'] ??= 'http'
  return headers
}

/**
 * @param {Incoming} incoming
 * @param {Outgoing} outgoing
 * @param {{ prefix: string, service: URL, path: string }} target
 */
function proxy(incoming, outgoing, { prefix, service, path }) {
  const upstream = ask(
    {
      hostname: service.hostname,
      port: service.port,
      path,
      method: incoming.method,
      headers: forwarded(incoming),
    },
    (answer) => {
      // A service says itself what its pages may do: reports have scripts, and a sandbox for them.
      if (answer.headers['content-security-policy'] !== undefined)
        outgoing.removeHeader('Content-Security-Policy')
      for (const [name, value] of Object.entries(answer.headers))
        if (value !== undefined && !HOP.has(name) && outgoing.getHeader(name) === undefined)
          outgoing.setHeader(name, name === 'set-cookie' ? moved(value, prefix) : value)
      outgoing.setHeader('Cache-Control', 'no-store')
      outgoing.writeHead(answer.statusCode ?? 502)
      answer.pipe(outgoing)
      answer.on('error', () => outgoing.destroy())
    },
  )
  upstream.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy()
    else unavailable(outgoing, prefix)
  })
  outgoing.on('close', () => upstream.destroy())
  incoming.pipe(upstream)
}

/**
 * Cookies of a service, for where it is seen by browsers.
 *
 * @param {string | string[]} cookies
 * @param {string} prefix
 */
const moved = (cookies, prefix) =>
  [cookies].flat().map((cookie) => cookie.replace(/; Path=\//i, `; Path=${prefix}/`))

/**
 * @param {Outgoing} outgoing
 * @param {string} prefix
 */
function unavailable(outgoing, prefix) {
  const name = prefix.split('/').pop() === 'xwrap' ? 'xWrap' : 'Cryptick'
  outgoing.writeHead(502, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  outgoing.end(
    JSON.stringify({
      error: `${name} gives no answer: is it running?`,
      code: -32002,
      data: { error: 'unavailable' },
    }),
  )
}

/**
 * @param {Incoming} incoming
 * @param {import('node:stream').Duplex} socket
 * @param {Buffer} head
 * @param {{ service: URL, path: string }} target
 */
function tunnel(incoming, socket, head, { service, path }) {
  const upstream = ask({
    hostname: service.hostname,
    port: service.port,
    path,
    headers: { ...forwarded(incoming), connection: 'Upgrade', upgrade: 'websocket' },
  })
  const refuse = () => socket.destroy()
  socket.on('error', () => upstream.destroy())
  socket.on('close', () => upstream.destroy())
  upstream.on('error', refuse)
  upstream.on('response', (answer) => {
    socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nConnection: close\r\n\r\n`)
    answer.resume()
  })
  upstream.on('upgrade', (answer, far, rest) => {
    const lines = [`HTTP/1.1 101 ${answer.statusMessage}`]
    for (let at = 0; at < answer.rawHeaders.length; at += 2)
      lines.push(`${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}`)
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    if (rest.length) socket.write(rest)
    if (head.length) far.write(head)
    far.on('error', refuse)
    far.on('close', refuse)
    socket.on('close', () => far.destroy())
    far.pipe(socket).pipe(far)
  })
  upstream.end()
}

/**
 * @param {Incoming} incoming
 * @param {Outgoing} outgoing
 * @param {Map<string, Asset>} assets
 */
function serve(incoming, outgoing, assets) {
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
    outgoing.writeHead(405, { Allow: 'GET, HEAD' }).end()
    return
  }
  const [path = '/'] = (incoming.url ?? '/').split('?')
  // A page's own address is the page's matter; only files have a dot in their names.
  const asset = assets.get(path) ?? (/\.[^/]*$/.test(path) ? undefined : assets.get('/index.html'))
  if (asset === undefined) {
    outgoing.writeHead(404, { 'Content-Type': 'text/plain' }).end('there is no such file\n')
    return
  }
  outgoing.setHeader('ETag', asset.tag)
  outgoing.setHeader('Cache-Control', asset.cache)
  outgoing.setHeader('Vary', 'Accept-Encoding')
  if (incoming.headers['if-none-match'] === asset.tag) {
    outgoing.writeHead(304).end()
    return
  }
  const accepted = incoming.headers['accept-encoding'] ?? ''
  const coding = ['br', 'gzip'].find((each) => asset.bodies[each] && accepted.includes(each))
  const body = asset.bodies[coding ?? 'identity'] ?? Buffer.alloc(0)
  if (coding) outgoing.setHeader('Content-Encoding', coding)
  outgoing.writeHead(200, { 'Content-Type': asset.type, 'Content-Length': body.length })
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

/**
 * Read all files of a folder; they are small, and compressed once.
 *
 * @param {string} folder
 * @returns {Promise<Map<string, Asset>>}
 */
async function readAssets(folder) {
  const compress = { br: promisify(brotliCompress), gzip: promisify(gzip) }
  const names = await readdir(folder, { recursive: true })
  const found = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name)
      const path = `/${relative(folder, file).split(sep).join('/')}`
      const about = await stat(file)
      if (!about.isFile() || path.startsWith('/.')) return null
      const body = await readFile(file)
      /** @type {Record<string, Buffer>} */
      const bodies = { identity: body }
      if (COMPRESSED.has(extname(file))) {
        bodies.br = await compress.br(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } })
        bodies.gzip = await compress.gzip(body)
      }
      const named = path.startsWith('/assets/') // by their contents, so they never change
      return /** @type {[string, Asset]} */ ([
        path,
        {
          type: TYPES[extname(file)] ?? 'application/octet-stream',
          tag: `"${about.size.toString(36)}-${about.mtimeMs.toString(36)}"`,
          cache: named ? 'public, max-age=31536000, immutable' : 'no-cache',
          bodies,
        },
      ])
    }),
  )
  return new Map(found.filter((each) => each !== null))
}
