import { connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PfsClient, PfsError } from '../../lib/index.js'
import { ask } from '../support/ask.js'
import { deferred } from '../support/deferred.js'
import { bucket } from './support/branch.js'
import { stalled } from './support/faulty-pfs.js'
import { leave, leavings, received } from './support/http.js'
import { leaked, openThings, type Rig, startRig } from './support/rig.js'

const mebibyte = Buffer.alloc(1024 * 1024, 'a')
const path = `/${bucket}/large`
const size = 1024 * mebibyte.length
const request = `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`

const readers = suite<{ rig: Rig; before: Readonly<Record<string, number>> }>('readers')

readers.before(async (context) => {
  context.rig = await startRig()
  const { status } = await ask(context.rig.port, 'PUT', path, mebibyte)
  assert.is(status, 200)
  await context.rig.idle()
  context.before = openThings()
})

readers.after.each(({ rig }) => {
  rig.pfs.faults = {}
})

readers.after(({ rig }) => rig.close())

/** A file that is said to have 1 GiB, and whose content is given. */
function largeFile(rig: Rig, getFile: PfsClient['getFile']): void {
  rig.pfs.faults = {
    globFile: async function* (request, options) {
      for await (const info of rig.truth.globFile(request, options)) yield { ...info, sizeBytes: size }
    },
    getFile,
  }
}

for (const how of leavings) {
  readers(`one that ${how} the connection in the middle cancels the PFS call`, async ({ rig, before }) => {
    const cancelled = deferred()
    largeFile(rig, async function* (_, options) {
      // Less than a flow-control window: more would not be sent completely.
      yield mebibyte.subarray(0, 1024)
      await stalled(options?.signal).catch(cancelled.resolve)
    })
    const socket = connect(rig.port, '127.0.0.1')
    socket.write(request)
    await new Promise((resolve) => socket.once('data', resolve))
    await leave(socket, how)
    await cancelled.promise
    await rig.idle()
    assert.equal(rig.errors, [], 'who leaves is no error for the operator')
    assert.equal(await leaked(before), [])
  })

  readers(`one that ${how} the connection before the first byte cancels the PFS call`, async ({ rig, before }) => {
    const cancelled = deferred()
    const begun = rig.pfs.begun('getFile')
    largeFile(rig, async function* (_, options) {
      yield await stalled(options?.signal).finally(cancelled.resolve)
    })
    const socket = connect(rig.port, '127.0.0.1')
    socket.write(request)
    await begun
    await leave(socket, how)
    await cancelled.promise
    await rig.idle()
    assert.equal(rig.errors, [], 'who leaves is no error for the operator')
    assert.equal(await leaked(before), [])
  })
}

readers('one that never reads: a bounded amount is buffered', async ({ rig, before }) => {
  let fetched = 0
  largeFile(rig, async function* () {
    for (let left = size; left > 0; left -= mebibyte.length) {
      fetched += mebibyte.length
      yield mebibyte
    }
  })
  const idlers = Array.from({ length: 4 }, () => connect(rig.port, '127.0.0.1').pause())
  for (const idler of idlers) idler.write(request)
  // A reader that does read has a whole GiB in the time in which the others could have had theirs.
  const reader = connect(rig.port, '127.0.0.1')
  reader.write(request)
  let seen = 0
  await new Promise<void>((resolve) => {
    reader.on('data', (bytes: Buffer) => {
      seen += bytes.length
      if (seen >= size) resolve()
    })
  })
  // gRPC's windows and the sockets' buffers, in both directions, of four connections.
  assert.ok(fetched - size < 4 * 16 * mebibyte.length, `${(fetched - size) / mebibyte.length} MiB were fetched`)
  await Promise.all([...idlers, reader].map((socket) => leave(socket, 'closes')))
  await rig.idle()
  assert.equal(await leaked(before), [])
})

readers(
  'of a message of PFS that is larger than the requested range, little more than the range is sent',
  async ({ rig }) => {
    const message = Buffer.alloc(16 * mebibyte.length)
    largeFile(rig, async function* () {
      for (;;) yield message
    })
    const before = rig.wire.received
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        ask(rig.port, 'GET', path, undefined, { range: `bytes=0-${mebibyte.length - 1}` }),
      ),
    )
    assert.ok(answers.every(({ status, body }) => status === 206 && body.length === mebibyte.length))
    await rig.idle()
    const sent = (rig.wire.received - before) / mebibyte.length
    assert.ok(sent < 4 * 2, `PFS sent ${sent} MiB for four ranges of one`)
  },
)

readers('a stream that fails in the middle cuts the connection', async ({ rig, before }) => {
  for (const fail of [
    () => Promise.reject(new PfsError('INTERNAL', 'the chunk is gone')),
    () => Promise.reject(new PfsError('UNAVAILABLE', 'going down')),
    async () => rig.wire.cut(),
    async () => undefined,
  ]) {
    const sent = deferred()
    largeFile(rig, async function* () {
      yield mebibyte
      await sent.promise
      await fail()
    })
    const socket = connect(rig.port, '127.0.0.1')
    socket.write(request)
    socket.once('data', () => sent.resolve())
    const text = await received(socket)
    assert.match(text, /^HTTP\/1\.1 200 /)
    assert.match(text, `content-length: ${size}`)
    assert.ok(text.length < size, 'shorter than its content-length, so that every client sees that it is not whole')
    await rig.idle()
  }
  assert.equal(await leaked(before), [])
})

readers('a small object whose stream fails in the middle is an error, or arrives completely', async ({ rig }) => {
  for (const status of ['INTERNAL', 'UNAVAILABLE'] as const) {
    const small = await startRig({ truth: rig.truth, options: { cacheBytes: 64 * mebibyte.length } })
    let calls = 0
    small.pfs.faults = {
      async *getFile(file, options) {
        if (calls++ > 0) {
          yield* rig.truth.getFile(file, options)
          return
        }
        yield mebibyte.subarray(0, 1000)
        throw new PfsError(status, 'in the middle')
      },
    }
    const failed = await ask(small.port, 'GET', path)
    assert.is(failed.status, status === 'INTERNAL' ? 500 : 503)
    const read = await ask(small.port, 'GET', path)
    assert.equal([read.status, read.isWhole, read.body.equals(mebibyte)], [200, true, true])
    await small.close()
  }
})

readers('PFS restarts: reads wait for it and succeed', async ({ rig }) => {
  await rig.killPfs()
  const asked = [
    ask(rig.port, 'GET', path),
    ask(rig.port, 'HEAD', path),
    ask(rig.port, 'GET', `/${bucket}?list-type=2`),
  ]
  await rig.startPfs()
  const [read, head, list] = await Promise.all(asked)
  assert.equal([read?.status, read?.isWhole, read?.body.equals(mebibyte)], [200, true, true])
  assert.is(head?.status, 200)
  assert.match(list?.body.toString() ?? '', '<Key>large</Key>')
  await rig.idle()
})

readers('PFS restarts during a read: the connection is cut, and the next read is complete', async ({ rig }) => {
  largeFile(rig, async function* (_, options) {
    yield mebibyte
    await stalled(options?.signal)
  })
  const socket = connect(rig.port, '127.0.0.1')
  socket.write(request)
  await new Promise((resolve) => socket.once('data', resolve))
  const rest = received(socket)
  await rig.killPfs()
  await rest
  await rig.startPfs()
  rig.pfs.faults = {}
  const read = await ask(rig.port, 'GET', path)
  assert.equal([read.status, read.isWhole, read.body.equals(mebibyte)], [200, true, true])
  await rig.idle()
})

readers.run()
