import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net'
import { mock } from 'node:test'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PfsClient } from '../../../lib/pfs/client.js'
import { createPfsClient } from '../../../lib/pfs/grpc/client.js'
import { servePfs } from '../../../lib/testing/index.js'
import { deferred } from '../../support/deferred.js'
import { collect, failureOf, file, stubPfs } from './served.js'

const test = suite('pfs/grpc/byte-stream')

const mebibyte = 1024 * 1024

type Answer = (stream: ServerHttp2Stream, call: number) => void

/** Runs `body` with a client of an HTTP/2 server that answers each GetFile as the test says. */
async function scripted(
  answer: Answer,
  body: (pfs: PfsClient, sessions: readonly ServerHttp2Session[], port: number) => Promise<void>,
): Promise<void> {
  const server = createServer()
  const sessions: ServerHttp2Session[] = []
  let calls = 0
  server.on('session', (session) => sessions.push(session.on('error', () => {})))
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    calls += 1
    answer(stream, calls)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const pfs = createPfsClient(`grpc://127.0.0.1:${port}`)
  try {
    await body(pfs, sessions, port)
  } finally {
    pfs.close()
    for (const session of sessions) session.destroy()
    server.close()
  }
}

const grpcHead = { ':status': 200, 'content-type': 'application/grpc' }

/** The prefix of gRPC and the head of a BytesValue, whose value has fewer than 2 MiB. */
function headOf(valueBytes: number): Buffer {
  const field = Buffer.from([0x0a, (valueBytes & 0x7f) | 0x80, ((valueBytes >> 7) & 0x7f) | 0x80, valueBytes >> 14])
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(field.length + valueBytes, 1)
  return Buffer.concat([prefix, field])
}

/** Sends bytes and then the trailers of a call. */
function respond(
  stream: ServerHttp2Stream,
  bytes: Buffer | readonly Buffer[],
  trailers = { 'grpc-status': '0' },
): void {
  stream.respond(grpcHead, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  const pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes
  // Each write is a separate frame.
  const next = (index: number): void => {
    const piece = pieces[index]
    if (piece === undefined) stream.end()
    else stream.write(piece, () => next(index + 1))
  }
  next(0)
}

test('the bytes of a message are passed on before the rest of it has arrived', async () => {
  const half = Buffer.alloc(mebibyte / 2, 'x')
  await scripted(
    (stream) => {
      stream.respond(grpcHead)
      stream.write(Buffer.concat([headOf(mebibyte), half]))
    },
    async (pfs) => {
      let received = 0
      for await (const bytes of pfs.getFile({ file })) {
        received += bytes.length
        if (received === half.length) break
      }
      assert.is(received, half.length)
    },
  )
})

test('messages may be cut anywhere, and may be empty', async () => {
  const empty = Buffer.alloc(5)
  const emptyValue = Buffer.from([0, 0, 0, 0, 2, 0x0a, 0])
  const values = ['a', 'bc', 'd'.repeat(300)].map((text) => Buffer.from(text))
  const whole = Buffer.concat([empty, ...values.flatMap((value) => [headOf(value.length), value, emptyValue, empty])])
  const bytes = Array.from(whole, (byte) => Buffer.of(byte))
  const cuts: (readonly Buffer[])[] = [[whole], bytes, [whole.subarray(0, 8), whole.subarray(8)]]
  await scripted(
    (stream, call) => respond(stream, cuts[call - 1] ?? []),
    async (pfs) => {
      for (const _ of cuts) {
        const pieces = await collect(pfs.getFile({ file }))
        assert.ok(pieces.every(({ length }) => length > 0))
        assert.is(Buffer.concat(pieces).toString(), values.join(''))
      }
    },
  )
})

const failures: readonly [name: string, answer: Answer, status: string, message: RegExp][] = [
  [
    'a status in trailers',
    (stream) => respond(stream, [], { 'grpc-status': '5', 'grpc-message': 'no caf%C3%A9, 100%' } as never),
    'NOT_FOUND',
    /^no caf%C3%A9, 100%$/,
  ],
  [
    'a status with an encoded text in the first headers',
    (stream) =>
      stream.respond({ ...grpcHead, 'grpc-status': '7', 'grpc-message': 'no caf%C3%A9' }, { endStream: true }),
    'PERMISSION_DENIED',
    /^no café$/,
  ],
  [
    'an unknown status',
    (stream) => stream.respond({ ...grpcHead, 'grpc-status': '99' }, { endStream: true }),
    'UNKNOWN',
    /^$/,
  ],
  [
    "a proxy's page",
    (stream) => {
      stream.respond({ ':status': 403, 'content-type': 'text/html' })
      stream.end('<html>'.repeat(10_000))
    },
    'PERMISSION_DENIED',
    /HTTP status 403/,
  ],
  ['a reset by the server', (stream) => stream.close(constants.NGHTTP2_CANCEL), 'CANCELLED', /./],
  ['an internal error of the server', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), 'INTERNAL', /./],
  ['too many calls', (stream) => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM), 'RESOURCE_EXHAUSTED', /./],
  ['no status at all', (stream) => stream.respond(grpcHead, { endStream: true }), 'INTERNAL', /ended/],
  [
    'a success in the middle of a message',
    (stream) => respond(stream, Buffer.concat([headOf(100), Buffer.alloc(99)])),
    'INTERNAL',
    /ended before its last message/,
  ],
  ['a success in the middle of a head', (stream) => respond(stream, headOf(100).subarray(0, 7)), 'INTERNAL', /ended/],
  ['a compressed message', (stream) => respond(stream, Buffer.from([1, 0, 0, 0, 3, 10, 1, 65])), 'INTERNAL', /decoded/],
  ['another message', (stream) => respond(stream, Buffer.from([0, 0, 0, 0, 3, 18, 1, 65])), 'INTERNAL', /decoded/],
  ['a wrong length', (stream) => respond(stream, Buffer.from([0, 0, 0, 0, 4, 10, 1, 65, 66])), 'INTERNAL', /decoded/],
  [
    'a length without an end',
    (stream) => respond(stream, Buffer.from([0, 0, 0, 0, 9, 10, 255, 255, 255, 255, 255, 255, 255, 255])),
    'INTERNAL',
    /decoded/,
  ],
]

for (const [name, answer, status, message] of failures) {
  test(`${name} is ${status}`, async () => {
    let calls = 0
    await scripted(
      (stream) => {
        calls += 1
        answer(stream, calls)
      },
      async (pfs) => {
        const error = await failureOf(collect(pfs.getFile({ file })))
        assert.is(error.status, status)
        assert.match(error.message, message)
      },
    )
    assert.is(calls, 1)
  })
}

test('a refused call, a busy proxy and a lost connection are tried again, on a new connection if necessary', async () => {
  await scripted(
    (stream, call) => {
      if (call === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM)
      else if (call === 2) stream.respond({ ':status': 503 }, { endStream: true })
      else if (call === 3) stream.session?.destroy()
      else respond(stream, Buffer.concat([headOf(2), Buffer.from('ok')]))
    },
    async (pfs) => {
      assert.is(Buffer.concat(await collect(pfs.getFile({ file }))).toString(), 'ok')
    },
  )
})

test('a connection that is lost between the bytes is UNAVAILABLE; the next call connects again', async () => {
  await scripted(
    (stream, call) => {
      if (call === 1) {
        stream.respond(grpcHead)
        stream.write(Buffer.concat([headOf(100), Buffer.alloc(50)]))
      } else respond(stream, Buffer.concat([headOf(2), Buffer.from('ok')]))
    },
    async (pfs, sessions) => {
      const reader = pfs.getFile({ file })[Symbol.asyncIterator]()
      await reader.next()
      for (const session of sessions) session.destroy()
      assert.is((await failureOf(reader.next())).status, 'UNAVAILABLE')
      assert.is(Buffer.concat(await collect(pfs.getFile({ file }))).toString(), 'ok')
    },
  )
})

test('a server that says goodbye lets the running call finish; the next call connects again', async () => {
  const goodbye = deferred()
  await scripted(
    (stream, call) => {
      stream.respond(grpcHead, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.write(Buffer.concat([headOf(2), Buffer.from('o')]))
      if (call > 1) stream.end('k')
      else void goodbye.promise.then(() => stream.end('k'))
    },
    async (pfs, sessions) => {
      const reader = pfs.getFile({ file })[Symbol.asyncIterator]()
      const first = await reader.next()
      const before = sessions.length
      for (const session of sessions) session.goaway(constants.NGHTTP2_NO_ERROR)
      assert.is(Buffer.concat(await collect(pfs.getFile({ file }))).toString(), 'ok')
      assert.ok(sessions.length > before, 'a new connection was made')
      goodbye.resolve()
      const rest = [first.value, (await reader.next()).value].map((value) => Buffer.from(value ?? []))
      assert.is(Buffer.concat(rest).toString(), 'ok')
      assert.ok((await reader.next()).done)
    },
  )
})

test('a connection of which a server that says goodbye leaves its half open is closed', async () => {
  await scripted(
    (stream) => respond(stream, Buffer.concat([headOf(2), Buffer.from('ok')])),
    async (_, sessions, port) => {
      const clients: Socket[] = []
      const upstreams: Socket[] = []
      const relay = createTcpServer({ allowHalfOpen: true }, (client) => {
        const upstream = connectTcp(port, '127.0.0.1')
        clients.push(client.on('error', () => {}))
        upstreams.push(upstream.on('error', () => {}))
        client.pipe(upstream, { end: false }).pipe(client, { end: false })
      })
      relay.listen(0, '127.0.0.1')
      await once(relay, 'listening')
      mock.timers.enable({ apis: ['setInterval'] })
      const pfs = createPfsClient(`grpc://127.0.0.1:${(relay.address() as AddressInfo).port}`)
      try {
        assert.is(Buffer.concat(await collect(pfs.getFile({ file }))).toString(), 'ok')
        const ended = clients.map((client) => once(client, 'end'))
        for (const session of sessions) session.goaway(constants.NGHTTP2_NO_ERROR)
        await Promise.all(ended)
        // The time of the next ping, which would throw in its timer and end the process.
        mock.timers.tick(30_000)
        // The first connection is grpc-js's.
        const [, client] = clients
        assert.ok(client)
        // The kernel of a closed socket refuses what arrives, which only a later write notices.
        while (!client.destroyed) await new Promise((resolve) => client.write('unread', resolve))
      } finally {
        mock.timers.reset()
        pfs.close()
        for (const socket of [...clients, ...upstreams]) socket.destroy()
        relay.close()
      }
    },
  )
})

test('a token that no header can contain is refused without naming it', async () => {
  await scripted(
    () => assert.unreachable(),
    async (pfs) => {
      const error = await failureOf(collect(pfs.getFile({ file }, { authToken: 'secret\n' })))
      assert.is(error.status, 'UNAUTHENTICATED')
      assert.not.match(error.message, 'secret')
    },
  )
})

test('a PFS behind a proxy of the environment is read through that proxy', async () => {
  const content = Buffer.alloc(3 * mebibyte, 'through the proxy')
  async function* getFile() {
    yield content
  }
  const server = await servePfs(stubPfs({ getFile }), '127.0.0.1:0')
  const targets: (string | undefined)[] = []
  const sockets: Socket[] = []
  const proxy = createHttpServer().on('connect', (request, client: Socket) => {
    targets.push(request.url)
    const upstream = connectTcp(server.port, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.push(socket.on('error', () => {}))
    client.write('HTTP/1.1 200 OK\r\n\r\n')
    client.pipe(upstream).pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { http_proxy } = process.env
  process.env.http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const pfs = createPfsClient('grpc://pfs.invalid:1650')
  try {
    assert.ok(Buffer.concat(await collect(pfs.getFile({ file }))).equals(content))
    assert.ok(targets.length > 0 && targets.every((target) => target === 'pfs.invalid:1650'))
  } finally {
    if (http_proxy === undefined) delete process.env.http_proxy
    else process.env.http_proxy = http_proxy
    pfs.close()
    for (const socket of sockets) socket.destroy()
    proxy.close()
    await server.close({ force: true })
  }
})

test.run()
