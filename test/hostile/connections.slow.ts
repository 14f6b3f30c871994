import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { bucket, holds, repos, sum } from '../faults/support/branch.js'
import { contentOf, idler, putAndGet } from '../faults/support/crowd.js'
import { createFaultyPfs, type FaultyPfs } from '../faults/support/faulty-pfs.js'
import type { Measured } from '../faults/support/gateway-child.js'
import { type GatewayProcess, startGatewayProcess } from '../faults/support/gateway-process.js'
import { type Leaving, leave, leavings } from '../faults/support/http.js'
import { putMessage } from '../faults/support/messages.js'
import { ask } from '../support/ask.js'

/** README.md, Availability: the number before a test's name is that of the class. docs/security.md has the bounds. */
const test = suite<{ gateway: GatewayProcess; pfs: FaultyPfs; close: () => Promise<void> }>('connections')

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

/** Free memory that Node and V8 may keep. */
const spareBytes = 24 * mebibyte

/**
 * Connections to PFS that may still be open: the stand-in does not always close those that the gateway has ended, since
 * the HTTP/2 server of Node may leave the end unread.
 */
const spareFiles = 8

async function open({ port }: GatewayProcess, bytes: Uint8Array): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  return socket
}

/** Does work `count` times, `width` at a time. */
async function repeat(count: number, width: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const run = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: width }, run))
}

/** The heap and buffers, once the gateway holds few more files than before, or still holds them after many questions. */
async function settled(gateway: GatewayProcess, pfs: FaultyPfs, before: Measured): Promise<Measured> {
  await gateway.idle()
  let after = await gateway.measure()
  for (let turn = 0; turn < 50 && (after.files > before.files + spareFiles || pfs.running().length > 0); turn++) {
    after = await gateway.measure()
  }
  return after
}

test.before(async (context) => {
  const truth = createMemoryPfs({ repos })
  const pfs = createFaultyPfs(truth)
  const served = await servePfs(pfs.client, '127.0.0.1:0')
  const gateway = await startGatewayProcess({ address: served.address, options: {} })
  context.gateway = gateway
  context.pfs = pfs
  context.close = async () => {
    // At once: a connection that the stand-in has not closed keeps the gateway's process from its end.
    await Promise.all([gateway.stop(), served.close({ force: true })])
  }
})

test.after(({ close }) => close())

test('30: 2,000 idle and 500 active connections are served side by side', async ({ gateway, pfs }) => {
  const activeOnes = (): Promise<void> => repeat(500, 500, (index) => putAndGet(gateway.port, index))
  // The first time, code is compiled and V8's heap grows to what such a load needs.
  await activeOnes()
  await gateway.idle()
  const before = await gateway.measure()
  const idle: Socket[] = []
  await repeat(2000, 100, async (index) => void idle.push(await idler(gateway.port, index)))
  await gateway.received(Number.POSITIVE_INFINITY)
  const during = await gateway.measure()
  await activeOnes()
  assert.ok((await gateway.measure()).files >= before.files + idle.length, 'nobody was turned away')
  const held = await holds(pfs.client)
  for (let index = 0; index < 500; index++) assert.is(held.get(`object-${index}`), sum(contentOf(index)))
  await Promise.all(idle.map((socket) => leave(socket, 'closes')))
  const after = await settled(gateway, pfs, before)

  const bytes = (during.bytes - before.bytes) / idle.length
  const residentBytes = (during.residentBytes - before.residentBytes - spareBytes) / idle.length
  assert.ok(bytes <= 32 * kibibyte, `${bytes} bytes an idle connection`)
  assert.ok(residentBytes <= 64 * kibibyte, `${residentBytes} bytes an idle connection are resident`)
  assert.ok(after.files <= before.files + spareFiles, `${after.files} files, ${before.files} before`)
  assert.is(after.timers, before.timers)
  assert.equal(after.errors, [])
})

const large = `/${bucket}/large`

/** How requests are aborted: the bytes that are sent, and whether the client waits for a part of the response. */
const abortions: Readonly<Record<string, { readonly bytes: Uint8Array; readonly waits: boolean }>> = (() => {
  const small = putMessage(`/${bucket}/aborted`, Buffer.alloc(2000), 'content-length')
  const shared = putMessage(`/${bucket}/aborted`, Buffer.alloc(200 * kibibyte), 'aws-chunked')
  const single = putMessage(`/${bucket}/aborted`, Buffer.alloc(2 * mebibyte), 'content-length')
  const begun = ({ head, body }: typeof small, bytes: number) => Buffer.concat([head, body.subarray(0, bytes)])
  return {
    'in its head': { bytes: small.head.subarray(0, small.head.length / 2), waits: false },
    'in a small body': { bytes: begun(small, 1000), waits: false },
    'in an aws-chunked body': { bytes: begun(shared, 70 * kibibyte), waits: false },
    'in a body that has a commit of its own': { bytes: begun(single, 10 * kibibyte), waits: false },
    'in its answer': { bytes: Buffer.from(`GET ${large} HTTP/1.1\r\nhost: localhost\r\n\r\n`), waits: true },
    'in the answer to a listing': {
      bytes: Buffer.from(`GET /${bucket} HTTP/1.1\r\nhost: localhost\r\n\r\n`),
      waits: false,
    },
  }
})()

test('30: 5,000 aborted requests leak no descriptors and no heap', async ({ gateway, pfs }) => {
  assert.is((await ask(gateway.port, 'PUT', large, Buffer.alloc(8 * mebibyte))).status, 200)
  const kinds = Object.values(abortions)
  const abort = async (index: number): Promise<void> => {
    const { bytes, waits } = kinds[index % kinds.length] as (typeof kinds)[number]
    const socket = await open(gateway, bytes)
    if (waits) await once(socket, 'data')
    await leave(socket, leavings[Math.floor(index / kinds.length) % leavings.length] as Leaving)
  }
  // The heap grows by 2 MB in the first thousands of requests, and no further.
  await repeat(1500, 30, abort)
  await gateway.idle()
  const before = await gateway.measure()
  await repeat(5000, 30, abort)
  const after = await settled(gateway, pfs, before)
  assert.equal(pfs.running(), [])
  assert.ok(after.files <= before.files + spareFiles, `${after.files} files, ${before.files} before`)
  assert.is(after.timers, before.timers)
  assert.ok(after.bytes - before.bytes <= 4 * mebibyte, `${after.bytes - before.bytes} bytes stay`)
  const resident = after.residentBytes - before.residentBytes
  assert.ok(resident <= 64 * mebibyte, `${resident} bytes stay resident`)
  assert.equal(after.errors, [])
  assert.is((await holds(pfs.client)).has('aborted'), false)
})

test('33: 256 slow senders of 1 MiB each do not block small writers', async ({ gateway, pfs }) => {
  const before = await gateway.measure()
  const { head, body } = putMessage(`/${bucket}/slow`, Buffer.alloc(mebibyte), 'content-length')
  const bytes = Buffer.concat([head, body.subarray(0, -1)])
  const refused: string[] = []
  const slow: Socket[] = []
  for (let count = 0; count < 256; count++) {
    const socket = await open(gateway, bytes)
    socket.once('data', (answer) => refused.push(/ 503 |SlowDown/.exec(String(answer))?.[0] ?? String(answer)))
    slow.push(socket)
  }
  await gateway.received(Number.POSITIVE_INFINITY)
  const during = await gateway.measure()
  assert.ok(during.bytes - before.bytes >= 180 * mebibyte, 'the senders fill what they may')
  assert.ok(
    refused.every((answer) => answer.trim() === '503'),
    refused.join(),
  )
  await repeat(50, 10, async (index) => {
    const put = await ask(gateway.port, 'PUT', `/${bucket}/quick-${index}`, Buffer.alloc(64 * kibibyte, index))
    assert.equal([put.status, put.code], [200, ''])
  })
  assert.ok(
    slow.filter((socket) => !socket.readableEnded && !socket.destroyed).length >= 180,
    'the senders are still there',
  )
  await Promise.all(slow.map((socket) => leave(socket, 'closes')))
  const held = await holds(pfs.client)
  for (let index = 0; index < 50; index++)
    assert.is(held.get(`quick-${index}`), sum(Buffer.alloc(64 * kibibyte, index)))
  const after = await settled(gateway, pfs, before)
  assert.ok(after.files <= before.files + spareFiles, `${after.files} files, ${before.files} before`)
  assert.ok(after.bytes - before.bytes <= 4 * mebibyte, `${after.bytes - before.bytes} bytes stay`)
})

/** Above the buffers of sockets, for each reader and for all of them. */
const heldBytes = 64 * kibibyte
const heldByAll = mebibyte

for (const [name, readers, messageBytes] of [
  ['100 stalled readers of 100 MB hold', 100, mebibyte],
  ['stalled readers of messages as large as those of pachd hold', 10, 12 * mebibyte],
] as const) {
  test(`30: ${name} no message of PFS once they have stood still`, async ({ gateway, pfs }) => {
    const length = 100_000_000
    const path = `/${bucket}/huge`
    assert.is((await ask(gateway.port, 'PUT', path, Buffer.alloc(length))).status, 200)
    const message = Buffer.alloc(messageBytes)
    let begun = 0
    let running = 0
    pfs.faults = {
      async *getFile() {
        begun += 1
        running += 1
        try {
          for (let left = length; left > 0; left -= messageBytes) yield message.subarray(0, left)
        } finally {
          running -= 1
        }
      },
    }
    // Makes the connection to PFS that all downloads share, and compiles.
    for (let warm = 0; warm < 3; warm += 1) assert.is((await ask(gateway.port, 'GET', path)).status, 200)
    begun = 0
    const before = await gateway.measure()
    const sockets = await Promise.all(
      Array.from({ length: readers }, async () => {
        const socket = await open(gateway, Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`))
        await once(socket, 'readable')
        return socket
      }),
    )
    // The gateway cancels the calls of stalled readers.
    while (running > 0) await gateway.received(0)
    assert.is(begun, readers)
    const during = await gateway.measure()
    await Promise.all(sockets.map((socket) => leave(socket, 'closes')))
    const after = await settled(gateway, pfs, before)
    pfs.faults = {}

    const held = (during.bytes - during.socketBytes - before.bytes - heldByAll) / readers
    const resident = (during.residentBytes - before.residentBytes - spareBytes) / readers
    assert.ok(held <= heldBytes, `${held} bytes are held for a reader`)
    // The allocator does not return the memory of messages at once.
    assert.ok(resident <= 2 * messageBytes + 2 * mebibyte, `${resident} bytes are resident for a reader`)
    assert.ok(after.bytes - before.bytes <= 4 * mebibyte, `${after.bytes - before.bytes} bytes stay`)
    assert.ok(after.files <= before.files + spareFiles, `${after.files} files, ${before.files} before`)
    assert.equal(after.errors.slice(before.errors.length), [])
  })
}

test.run()
