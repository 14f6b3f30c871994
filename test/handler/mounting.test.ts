import { once } from 'node:events'
import { createServer, IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createS3Handler, type S3Handler } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { exchange, outcomeOf, type RawResponse } from '../support/wire.js'

const test = suite('mounting')

async function withServer(listener: RequestListener, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use((server.address() as AddressInfo).port)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

function ask(port: number, method: string, target: string): Promise<RawResponse> {
  return exchange(port, { method, target, headers: { host: 'h', ...(method === 'PUT' && { 'content-length': '0' }) } })
}

test('every path below basePath is S3, every other path goes to the next handler', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' }, { basePath: '/s3' })
  const listener: RequestListener = (req, res) => void handler(req, res, () => res.end('next'))
  await withServer(listener, async (port) => {
    for (const target of ['/s3/images', '/s3/images/a']) assert.is((await ask(port, 'PUT', target)).status, 200)
    for (const target of ['/s3', '/s3/', '/s3?x=1', '/s3/images', '/s3/images/a']) {
      const response = await ask(port, 'GET', target)
      assert.is(response.status, 200)
      assert.is.not(response.body, 'next', target)
    }
    for (const target of ['/', '/s3x', '/s3x/images', '/S3/images', '/x/s3/images', '/%733/images', '/?/s3/images']) {
      assert.is((await ask(port, 'GET', target)).body, 'next', target)
    }
  })
})

test('without a next handler, a request outside basePath is 404 and names the mount path', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' }, { basePath: '/s3' })
  await withServer(
    (req, res) => void handler(req, res),
    async (port) => {
      await ask(port, 'PUT', '/s3/images')
      for (const target of ['/', '/s3x', '/xy/images', '/ab', '/images']) {
        const response = await ask(port, 'GET', target)
        assert.is(outcomeOf(response), '404 NotFound', target)
        assert.match(response.body, `The path ${target} is outside of this S3 endpoint, which is mounted at /s3.`)
      }
    },
  )
})

test('a framework that shortens the URL keeps the original one', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' })
  const listener: RequestListener = (req, res) => {
    const url = req.url ?? '/'
    void handler(Object.assign(req, { originalUrl: url, url: url.replace(/^\/mount\/?/, '/') }), res)
  }
  await withServer(listener, async (port) => {
    for (const target of ['/mount/images', '/mount/images/a', '/mount/images/%C3%A9']) {
      assert.is((await ask(port, 'PUT', target)).status, 200)
    }
    for (const target of ['/mount', '/mount/', '/mount?prefix=x', '/mount/images/a', '/mount/images/%c3%a9']) {
      assert.is((await ask(port, 'GET', target)).status, 200, target)
    }
    const { body } = await ask(port, 'GET', '/mount/images/none')
    assert.match(body, '<Resource>/mount/images/none</Resource>')
  })
})

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function askHttp2(session: ClientHttp2Session, method: string, path: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': method, ':path': path, ...(body && { 'content-length': body.length }) })
    let answer: Answer = { status: 0, headers: {}, body: '' }
    const chunks: Buffer[] = []
    stream
      .on('response', (headers) => {
        answer = { ...answer, status: headers[':status'] ?? 0, headers }
      })
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => resolve({ ...answer, body: Buffer.concat(chunks).toString() }))
      .on('error', reject)
    stream.end(body)
  })
}

async function withHttp2(handler: S3Handler, use: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const server = createHttp2Server(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    await use(session)
  } finally {
    session.destroy()
    server.close()
  }
}

test('a body whose chunks the app counts as well is whole, even if some arrived before the handler', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' })
  let counted = 0
  const listener: RequestListener = async (req, res) => {
    if (req.headers['x-late'] !== undefined) while (req.readableLength === 0) await setImmediate()
    if (req.headers['x-counted'] !== undefined) req.on('data', (chunk: Buffer) => (counted += chunk.length))
    await handler(req, res)
  }
  await withServer(listener, async (port) => {
    await ask(port, 'PUT', '/images')
    const body = Array.from({ length: 3000 }, (_, index) => `${index},`).join('')
    for (const name of ['x-late', 'x-counted']) {
      const headers = { host: 'h', 'content-length': String(body.length), [name]: 'yes' }
      assert.is((await exchange(port, { method: 'PUT', target: '/images/a', headers, body })).status, 200, name)
      assert.ok((await ask(port, 'GET', '/images/a')).body === body, name)
    }
    assert.is(counted, body.length)
  })
})

test('a request without a connection, as in a test of a handler, is answered', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' })
  const req = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: '/none' })
  const res = new ServerResponse(req)
  await handler(req, res)
  assert.is(res.statusCode, 404)
})

test('HTTP/2: objects are written and read, and errors are sent', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  await withHttp2(createS3Handler(createMemoryPfs(), { mode: 'none' }), async (session) => {
    assert.is((await askHttp2(session, 'PUT', '/images')).status, 200)
    for (const size of [5, 3_000_000]) {
      const body = Buffer.alloc(size, 'abc')
      assert.is((await askHttp2(session, 'PUT', `/images/${size}`, body)).status, 200)
      const read = await askHttp2(session, 'GET', `/images/${size}`)
      assert.ok(read.body === body.toString())
      assert.is((await askHttp2(session, 'HEAD', `/images/${size}`)).headers['content-length'], String(size))
    }
    const refused = await askHttp2(session, 'PUT', '/none/x', Buffer.alloc(3_000_000))
    assert.match(refused.body, '<Code>NoSuchBucket</Code>')
    assert.is((await askHttp2(session, 'DELETE', '/images/5')).status, 204)
  })
  process.off('warning', onWarning)
  assert.equal(warnings, [])
})

test('HTTP/2: the authority names the bucket in virtual-hosted style', async () => {
  const handler = createS3Handler(createMemoryPfs(), { mode: 'none' }, { domains: ['0.0.1'] })
  await withHttp2(handler, async (session) => {
    assert.is((await askHttp2(session, 'PUT', '/')).status, 200)
    assert.match((await askHttp2(session, 'GET', '/')).body, '<Name>127</Name>')
  })
})

test('HTTP/2: an error in the middle of a body resets only its stream', async () => {
  const pfs = createMemoryPfs()
  const { getFile } = pfs
  await withHttp2(createS3Handler(pfs, { mode: 'none' }), async (session) => {
    await askHttp2(session, 'PUT', '/images')
    await askHttp2(session, 'PUT', '/images/large', Buffer.alloc(3_000_000))
    pfs.getFile = async function* (request, options) {
      for await (const chunk of getFile(request, options)) {
        yield chunk.subarray(0, 100_000)
        throw new Error('pachd is gone')
      }
    }
    const outcome = await askHttp2(session, 'GET', '/images/large').then(
      ({ body }) => `${body.length} bytes`,
      () => 'an error',
    )
    assert.is(outcome, 'an error')
    assert.is((await askHttp2(session, 'GET', '/')).status, 200)
  })
})

test.run()
