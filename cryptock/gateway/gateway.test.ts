// @vitest-environment node
import { mkdtemp, mkdir, writeFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeGateway } from './gateway.js'

const listen = (server: Server) =>
  new Promise<number>((done) =>
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)),
  )

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

describe('the gateway', () => {
  const heard: { url: string; headers: Record<string, unknown>; body: string }[] = []
  let gateway: Server
  let service: Server
  let port: number

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-'))
    await mkdir(join(folder, 'assets'))
    await writeFile(join(folder, 'index.html'), '<p>page</p>')
    await writeFile(join(folder, 'assets/a.js'), 'x'.repeat(5000))
    await writeFile(join(folder, '.secret'), 'no')
    service = createServer((incoming, outgoing) => {
      let body = ''
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
      incoming.on('end', () => {
        heard.push({ url: incoming.url ?? '', headers: incoming.headers, body })
        outgoing.setHeader('Set-Cookie', 'xwrap_refresh=1; Path=/auth; HttpOnly')
        if (incoming.url === '/pages/1')
          outgoing.setHeader('Content-Security-Policy', 'sandbox allow-scripts')
        outgoing.writeHead(201).end('answered')
      })
    })
    service.on('upgrade', (incoming, socket) => {
      heard.push({ url: incoming.url ?? '', headers: incoming.headers, body: '' })
      if (incoming.url === '/refuse') return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      )
      socket.pipe(socket)
    })
    const far = await listen(service)
    const closed = createServer()
    const nobody = await listen(closed)
    closed.close()
    gateway = await makeGateway({
      folder,
      services: {
        '/api/xwrap': new URL(`http://127.0.0.1:${far}`),
        '/api/cryptick': new URL(`http://127.0.0.1:${nobody}`),
      },
    })
    port = await listen(gateway)
  })
  afterAll(() => {
    for (const server of [gateway, service]) {
      server.close()
      server.closeAllConnections()
    }
  })

  const ask = (
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ) =>
    new Promise<Answer>((done, fail) => {
      const { body, ...rest } = options
      const asked = request({ port, host: '127.0.0.1', path, ...rest }, (answer) => {
        let text = ''
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
        answer.on('end', () =>
          done({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
        )
      })
      asked.on('error', fail)
      asked.end(body)
    })

  it('serves the page for its own addresses, with headers that keep it safe', async () => {
    const { status, body, headers } = await ask('/market')
    expect([status, body]).toEqual([200, '<p>page</p>'])
    expect(headers['content-security-policy']).toContain("script-src 'self';")
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['cache-control']).toBe('no-cache')
  })

  it('lets a service say what its own pages may do, and keeps its own word elsewhere', async () => {
    const policy = 'content-security-policy'
    expect((await ask('/api/xwrap/pages/1')).headers[policy]).toBe('sandbox allow-scripts')
    expect((await ask('/api/xwrap/orders')).headers[policy]).toContain("script-src 'self';")
  })

  it('serves files compressed and for ever, and not again to who has them', async () => {
    const { headers } = await ask('/assets/a.js', { headers: { 'Accept-Encoding': 'gzip, br' } })
    expect(headers['content-encoding']).toBe('br')
    expect(Number(headers['content-length'])).toBeLessThan(500)
    expect(headers['cache-control']).toContain('immutable')
    expect(
      (await ask('/assets/a.js', { headers: { 'Accept-Encoding': 'gzip' } })).headers[
        'content-encoding'
      ],
    ).toBe('gzip')
    expect(
      (await ask('/assets/a.js', { headers: { 'If-None-Match': String(headers.etag) } })).status,
    ).toBe(304)
    expect((await ask('/assets/a.js', { method: 'HEAD' })).body).toBe('')
  })

  it.each(['/assets/none.js', '/.secret', '/../package.json', '/%2e%2e/package.json'])(
    'has no %s',
    async (path) => {
      expect((await ask(path)).status).toBe(404)
    },
  )

  it('takes nothing', async () => {
    expect((await ask('/', { method: 'POST' })).status).toBe(405)
  })

  it('hands requests on as what they are: those of somebody elsewhere', async () => {
    const answer = await ask('/api/xwrap/auth/login?a=1', {
      method: 'POST',
      headers: {
        'X-Forwarded-For': '8.8.8.8',
        Connection: 'close, x-odd',
        'X-Odd': '1',
        Authorization: 'Bearer t',
      },
      body: '{"name":"x"}',
    })
    expect([answer.status, answer.body]).toEqual([201, 'answered'])
    expect(answer.headers['set-cookie']).toEqual([
      'xwrap_refresh=1; Path=/api/xwrap/auth; HttpOnly',
    ])
    expect(answer.headers['cache-control']).toBe('no-store')
    const last = heard.at(-1)
    expect(last).toMatchObject({ url: '/auth/login?a=1', body: '{"name":"x"}' })
    expect(last?.headers['x-forwarded-for']).toBe('8.8.8.8, 127.0.0.1')
    expect(last?.headers.host).toBe(`127.0.0.1:${port}`)
    expect(last?.headers.authorization).toBe('Bearer t')
    expect(last?.headers['x-odd']).toBeUndefined()
  })

  it('does not let a client claim to have come without a proxy', async () => {
    await ask('/api/xwrap/xwrap/v1/status', { headers: { Connection: 'x-forwarded-for' } })
    expect(heard.at(-1)?.headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  it('says which service gives no answer', async () => {
    const { status, body } = await ask('/api/cryptick/runs')
    expect(status).toBe(502)
    expect(JSON.parse(body)).toMatchObject({ error: 'Cryptick gives no answer: is it running?' })
  })

  const upgrade = (path: string, after: string) =>
    new Promise<string>((done) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
        ),
      )
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        const first = text === ''
        text += chunk.toString()
        if (first && text.includes('101')) socket.write(after)
        if (after !== '' && text.endsWith(after)) socket.end()
      })
      socket.on('close', () => done(text))
      socket.on('error', () => undefined)
    })

  it('tunnels websockets, which are from elsewhere too', async () => {
    expect(await upgrade('/api/xwrap/socket.io/?EIO=4', 'ping')).toMatch(/^HTTP\/1.1 101[^]*ping$/)
    expect(heard.at(-1)).toMatchObject({ url: '/socket.io/?EIO=4' })
    expect(heard.at(-1)?.headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  it('passes on that a websocket is refused, and refuses those to nowhere', async () => {
    expect(await upgrade('/api/xwrap/refuse', '')).toContain('403')
    expect(await upgrade('/elsewhere', '')).toBe('')
    expect(await upgrade('/api/cryptick/socket.io/', '')).toBe('')
  })
})
