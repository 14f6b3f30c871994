import { once } from 'node:events'
import { connect, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs, createPachydermClient, servePfs } from '../../lib/testing/index.js'
import { ask } from '../support/ask.js'
import { deferred } from '../support/deferred.js'
import { startGateway } from '../support/gateway.js'
import { bucket, holds, repos } from './support/branch.js'
import { sendPart } from './support/http.js'
import { putMessage } from './support/messages.js'

/** A proxy that limits the streams per connection, as Pachyderm's own proxy does. */
async function startProxy(pfsPort: number, maxConcurrentStreams: number) {
  const pfs = connect(`http://127.0.0.1:${pfsPort}`)
  const proxy = createServer({ settings: { maxConcurrentStreams } })
  let connections = 0
  proxy.on('session', () => {
    connections += 1
  })
  proxy.on('stream', (stream: ServerHttp2Stream, headers) => {
    const call = pfs.request(headers)
    let trailers: IncomingHttpHeaders = {}
    stream.pipe(call)
    call.on('response', (answer, flags) => {
      // The flag of a call that ends with its first headers.
      const isOver = (flags & 1) === 1
      stream.respond(answer, { endStream: isOver, waitForTrailers: !isOver })
      if (!isOver) call.pipe(stream)
    })
    call.on('trailers', (received) => {
      trailers = received
    })
    stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    for (const [one, other] of [
      [stream, call],
      [call, stream],
    ] as const) {
      one.on('error', () => undefined)
      one.on('aborted', () => other.close(8))
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    connections: () => connections,
    async close() {
      pfs.close()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

const streams = suite('few streams per connection to PFS')

/** A gateway whose PFS is behind such a proxy. */
async function startBehindProxy(maxConcurrentStreams: number, maxSharedBodyBytes: number) {
  const truth = createMemoryPfs({ repos })
  const server = await servePfs(truth, '127.0.0.1:0')
  const proxy = await startProxy(server.port, maxConcurrentStreams)
  const client = createPachydermClient(`grpc://127.0.0.1:${proxy.port}`)
  const gateway = await startGateway({ pfs: client, options: { maxSharedBodyBytes } })
  return {
    truth,
    port: gateway.port,
    connections: proxy.connections,
    async close() {
      await gateway.close()
      client.close()
      await proxy.close()
      await server.close()
    },
  }
}

streams('more concurrent large bodies than streams are all written', async () => {
  const { truth, port, close } = await startBehindProxy(3, 0)
  const body = Buffer.alloc(100_000, 'x')
  const keys = Array.from({ length: 12 }, (_, index) => `key-${index}`)
  const answers = await Promise.all(keys.map((key) => ask(port, 'PUT', `/${bucket}/${key}`, body)))
  assert.equal(
    answers.map(({ status }) => status),
    keys.map(() => 200),
  )
  assert.equal([...(await holds(truth)).keys()].sort(), [...keys].sort())
  await close()
})

streams('stalled bodies block neither small writes nor reads', async () => {
  // As many as Pachyderm's own proxy allows.
  const { truth, port, connections, close } = await startBehindProxy(100, 1000)
  const large = putMessage(`/${bucket}/slow`, Buffer.alloc(100_000, 'x'), 'content-length')
  const most = deferred()
  const all = deferred()
  countBodies(truth, (begun) => {
    if (begun === 100) most.resolve()
    if (begun === 110) all.resolve()
  })
  const senders = await Promise.all(
    Array.from({ length: 110 }, () => sendPart(port, large, large.head.length + 70_000)),
  )
  try {
    await most.promise
    assert.is(connections(), 3, 'two for bodies, and one for all other calls')
    await all.promise
    assert.is((await ask(port, 'PUT', `/${bucket}/small`, 'small')).status, 200)
    assert.is((await ask(port, 'GET', `/${bucket}/small`)).body.toString(), 'small')
  } finally {
    for (const sender of senders) sender.destroy()
    await close()
  }
})

/** Counts the bodies that are on their way into PFS. */
function countBodies(pfs: PachydermApi, onBody: (begun: number) => void): void {
  const { createFileSet } = pfs
  let begun = 0
  pfs.createFileSet = (operations, options) => {
    begun += 1
    onBody(begun)
    return createFileSet(operations, options)
  }
}

streams.run()
