import { once } from 'node:events'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { Client, credentials } from '@grpc/grpc-js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FileInfo, FileOperation, FileOperations } from '../../../lib/pfs/client.js'
import { PfsError } from '../../../lib/pfs/errors.js'
import { createPachydermClient, servePfs } from '../../../lib/testing/index.js'
import { deferred } from '../../support/deferred.js'
import { collect, failureOf, file, head, served, stubPfs } from './served.js'

const test = suite('pfs/grpc/faults')

const info: FileInfo = { file, fileType: 'FILE', sizeBytes: 5, hash: new Uint8Array(32) }
const inspectFile = async () => info

/** A TCP proxy that can refuse, cut and forward, so that a server can be away at an address that stays. */
async function flakyProxy(target: () => number | undefined) {
  const sockets = new Set<Socket>()
  const refused = deferred()
  const proxy = createTcpServer((client) => {
    const port = target()
    if (port === undefined) {
      client.destroy()
      refused.resolve()
      return
    }
    const upstream = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => other.destroy())
    }
    client.pipe(upstream).pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    address: `grpc://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    /** Resolves when a connection was turned away. */
    refused: refused.promise,
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    },
  }
}

test('without a server, reads and writes fail as UNAVAILABLE with the reason', async () => {
  const server = await servePfs(stubPfs({}), '127.0.0.1:0')
  await server.close()
  const pfs = createPachydermClient(server.address)
  const failures = await Promise.all([
    failureOf(pfs.inspectFile(file)),
    failureOf(collect(pfs.getFile({ file }))),
    failureOf(pfs.createRepo({ repo: head.repo })),
    failureOf(pfs.modifyFile(head, endless())),
  ])
  pfs.close()
  for (const error of failures) {
    assert.instance(error, PfsError)
    assert.is(error.status, 'UNAVAILABLE')
    assert.match(error.message, 'ECONNREFUSED')
  }
})

test('a read that is running while the server is away succeeds when it is back', async () => {
  const server = await servePfs(stubPfs({ inspectFile }), '127.0.0.1:0')
  let port: number | undefined
  const proxy = await flakyProxy(() => port)
  const pfs = createPachydermClient(proxy.address)
  try {
    const reading = pfs.inspectFile(file)
    await proxy.refused
    port = server.port
    assert.is((await reading).sizeBytes, 5)
  } finally {
    pfs.close()
    proxy.close()
    await server.close()
  }
})

test('a write waits for a connection and is then made once', async () => {
  let calls = 0
  const createRepo = async () => {
    calls++
  }
  const server = await servePfs(stubPfs({ createRepo }), '127.0.0.1:0')
  let port: number | undefined
  const proxy = await flakyProxy(() => port)
  const pfs = createPachydermClient(proxy.address)
  try {
    const writing = pfs.createRepo({ repo: head.repo })
    await proxy.refused
    port = server.port
    await writing
    assert.is(calls, 1)
  } finally {
    pfs.close()
    proxy.close()
    await server.close()
  }
})

test('a server that comes back at its port is found again', async () => {
  const first = await servePfs(stubPfs({ inspectFile }), '127.0.0.1:0')
  const pfs = createPachydermClient(first.address)
  await pfs.inspectFile(file)
  await first.close({ force: true })
  const second = await servePfs(stubPfs({ inspectFile }), first.address)
  try {
    assert.is((await pfs.inspectFile(file)).sizeBytes, 5)
  } finally {
    pfs.close()
    await second.close()
  }
})

test('a connection that is cut during a call: the read is retried, the write is not', async () => {
  const calls: string[] = []
  let cut = () => {}
  const server = await servePfs(
    stubPfs({
      async inspectFile() {
        calls.push('read')
        if (calls.length === 1) cut()
        return info
      },
      async createRepo() {
        calls.push('write')
        cut()
      },
      async modifyFile(_, operations: FileOperations) {
        calls.push('modify')
        cut()
        for await (const _ of operations);
      },
    }),
    '127.0.0.1:0',
  )
  const proxy = await flakyProxy(() => server.port)
  cut = proxy.cut
  const pfs = createPachydermClient(proxy.address)
  try {
    assert.is((await pfs.inspectFile(file)).sizeBytes, 5)
    assert.is((await failureOf(pfs.createRepo({ repo: head.repo }))).status, 'UNAVAILABLE')
    assert.is((await failureOf(pfs.modifyFile(head, endless()))).status, 'UNAVAILABLE')
    assert.equal(calls, ['read', 'read', 'write', 'modify'])
  } finally {
    pfs.close()
    proxy.close()
    await server.close({ force: true })
  }
})

async function* endless(): AsyncGenerator<FileOperation> {
  for (;;) yield { deleteFile: { path: '/a' } }
}

test('an UNAVAILABLE read is tried four times, a write once', async () => {
  const calls = { read: 0, stream: 0, write: 0, upload: 0 }
  const unavailable = () => new PfsError('UNAVAILABLE', 'etcd is away')
  await served(
    {
      async inspectFile() {
        calls.read++
        throw unavailable()
      },
      async *listFile() {
        if (++calls.stream < 3) throw unavailable()
        yield info
      },
      async createRepo() {
        calls.write++
        throw unavailable()
      },
      async modifyFile() {
        calls.upload++
        throw unavailable()
      },
    },
    async (pfs) => {
      const [read, listed, write, upload] = await Promise.all([
        failureOf(pfs.inspectFile(file)),
        collect(pfs.listFile({ file })),
        failureOf(pfs.createRepo({ repo: head.repo })),
        failureOf(pfs.modifyFile(head, [])),
      ])
      assert.equal([read.message, write.message, upload.message], Array(3).fill('etcd is away'))
      assert.is(listed.length, 1)
    },
  )
  assert.equal(calls, { read: 4, stream: 3, write: 1, upload: 1 })
})

test('other refusals are not retried', async () => {
  let calls = 0
  const refusing = async () => {
    calls++
    throw new PfsError('NOT_FOUND', 'file not found')
  }
  await served({ inspectFile: refusing }, async (pfs) => {
    assert.is((await failureOf(pfs.inspectFile(file))).status, 'NOT_FOUND')
  })
  assert.is(calls, 1)
})

test('a stream is not retried after its first message', async () => {
  let calls = 0
  const firstRead = deferred()
  async function* getFile() {
    calls++
    yield Buffer.from('half')
    await firstRead.promise
    throw new PfsError('UNAVAILABLE', 'going down')
  }
  await served({ getFile }, async (pfs) => {
    const reader = pfs.getFile({ file })[Symbol.asyncIterator]()
    await reader.next()
    firstRead.resolve()
    assert.is((await failureOf(reader.next())).status, 'UNAVAILABLE')
  })
  assert.is(calls, 1)
})

test('an abort ends the retries', async () => {
  const controller = new AbortController()
  let calls = 0
  const unavailable = async () => {
    calls++
    controller.abort()
    throw new PfsError('UNAVAILABLE', 'away')
  }
  await served({ inspectFile: unavailable }, async (pfs) => {
    const error = await failureOf(pfs.inspectFile(file, { signal: controller.signal }))
    assert.is(error.status, 'CANCELLED')
  })
  assert.is(calls, 1)
})

test('a closed client refuses new calls, and lets the running call finish', async () => {
  const finish = deferred()
  const started = deferred()
  const slow = async () => {
    started.resolve()
    await finish.promise
    return info
  }
  const server = await servePfs(stubPfs({ inspectFile: slow }), '127.0.0.1:0')
  const pfs = createPachydermClient(server.address)
  const running = pfs.inspectFile(file)
  await started.promise
  pfs.close()
  finish.resolve()
  assert.is((await running).sizeBytes, 5)
  const error = await failureOf(pfs.inspectFile(file))
  assert.is(error.status, 'CANCELLED')
  assert.match(error.message, 'closed')
  await server.close()
})

test('a closing server lets the running call finish; a forced close cuts it', async () => {
  for (const force of [false, true]) {
    const finish = deferred()
    const started = deferred()
    const createRepo = async () => {
      started.resolve()
      await finish.promise
    }
    const server = await servePfs(stubPfs({ createRepo }), '127.0.0.1:0')
    const pfs = createPachydermClient(server.address)
    const outcome = pfs.createRepo({ repo: head.repo }).then(
      () => 'done',
      (error: PfsError) => error.status,
    )
    await started.promise
    const closed = server.close({ force })
    if (!force) finish.resolve()
    assert.is(await outcome, force ? 'UNAVAILABLE' : 'done')
    pfs.close()
    await closed
    finish.resolve()
  }
})

test('a busy port and a TLS address are refused with the reason', async () => {
  const server = await servePfs(stubPfs({}), '127.0.0.1:0')
  const error = await failureOf(servePfs(stubPfs({}), server.address))
  assert.match(error.message, `cannot serve PFS at 127.0.0.1:${server.port}`)
  assert.match(error.message, 'EADDRINUSE')
  await server.close()
  assert.instance(await failureOf(servePfs(stubPfs({}), 'grpcs://127.0.0.1:0')), TypeError)
})

test('a proxy in the environment is not used for a PFS on this machine', async () => {
  const { http_proxy } = process.env
  process.env.http_proxy = 'http://127.0.0.1:1'
  try {
    await served({ inspectFile }, async (pfs) => {
      assert.is((await pfs.inspectFile(file)).sizeBytes, 5)
    })
  } finally {
    if (http_proxy === undefined) delete process.env.http_proxy
    else process.env.http_proxy = http_proxy
  }
})

test('an unsupported method is UNIMPLEMENTED', async () => {
  await served({}, async (_, address) => {
    const client = new Client(address.slice('grpc://'.length), credentials.createInsecure())
    const code = await new Promise((resolve) => {
      const identity = (bytes: Buffer) => bytes
      client.makeUnaryRequest('/pps_v2.API/ListPipeline', identity, identity, Buffer.alloc(0), (error) => {
        resolve(error?.code)
      })
    })
    client.close()
    assert.is(code, 12)
  })
})

test.run()
