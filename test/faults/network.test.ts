import { connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { bucket, commits, holds, sum } from './support/branch.js'
import { leave, sendPart } from './support/http.js'
import { putMessage } from './support/messages.js'
import { leaked, openThings, type Rig, startRig } from './support/rig.js'

const content = Buffer.alloc(3_000_000, 'large ')

const network = suite<{ rig: Rig; before: Readonly<Record<string, number>> }>('the network to PFS')

network.before.each(async (context) => {
  context.rig = await startRig({ options: { cacheBytes: 0 } })
  assert.is((await ask(context.rig.port, 'PUT', `/${bucket}/first`, content)).status, 200)
  await context.rig.idle()
  context.before = openThings()
})

network.after.each(async ({ rig, before }) => {
  await rig.idle()
  assert.equal(await leaked(before), [])
  await rig.close()
})

network('slow: everything is transferred completely', async ({ rig }) => {
  rig.wire.slow = true
  rig.wire.cut()
  const [small, large] = await Promise.all([
    ask(rig.port, 'PUT', `/${bucket}/small`, 'small'),
    ask(rig.port, 'PUT', `/${bucket}/large`, content),
  ])
  assert.equal([small.status, large.status], [200, 200])
  const [read, listed] = await Promise.all([
    ask(rig.port, 'GET', `/${bucket}/large`),
    ask(rig.port, 'GET', `/${bucket}?list-type=2`),
  ])
  assert.ok(read.isWhole && read.body.equals(content))
  assert.equal(listed.body.toString().match(/<Key>\w+/g), ['<Key>first', '<Key>large', '<Key>small'])
})

network('stalled during a write: the client may leave, and nothing is stored', async ({ rig }) => {
  const history = await commits(rig.truth)
  const message = putMessage(`/${bucket}/large`, content, 'content-length')
  const begun = rig.pfs.begun('createFileSet')
  const sender = await sendPart(rig.port, message, message.head.length + 10)
  await begun
  rig.wire.stall()
  sender.write(message.body.subarray(10, -1))
  await leave(sender, 'resets')
  rig.wire.resume()
  await rig.idle()
  assert.equal(await commits(rig.truth), history)
})

network('stalled during reads: the clients may leave, and the calls are cancelled', async ({ rig }) => {
  rig.wire.stall()
  const readers = ['', '?list-type=2', '/first'].map((path) => {
    const socket = connect(rig.port, '127.0.0.1')
    socket.write(`GET /${bucket}${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    return socket
  })
  // A preflight is answered without PFS: when it is, the others have been read.
  await ask(rig.port, 'OPTIONS', `/${bucket}/first`, undefined, { origin: 'http://a' })
  await Promise.all(readers.map((socket) => leave(socket, 'closes')))
  rig.wire.resume()
})

network('cut during writes: each is stored completely or not at all, and the next ones succeed', async ({ rig }) => {
  for (let round = 0; round < 10; round++) {
    const history = await commits(rig.truth)
    const keys = ['small', 'large', 'other'].map((name) => `${name}-${round}`)
    const bodies = keys.map((key) => (key.startsWith('large') ? content : Buffer.from(key)))
    const cutAt = rig.pfs.begun((['inspectCommit', 'modifyFile'] as const)[round % 2] ?? 'modifyFile')
    const writes = keys.map((key, index) => ask(rig.port, 'PUT', `/${bucket}/${key}`, bodies[index]))
    await cutAt
    rig.wire.cut()
    const answers = await Promise.all(writes)
    await rig.idle()
    const held = await holds(rig.truth)
    for (const [index, key] of keys.entries()) {
      const status = answers[index]?.status ?? 0
      const stored = held.get(key)
      assert.ok(status === 200 || status === 503, `${key}: ${status}`)
      if (status === 200 || stored !== undefined) assert.is(stored, sum(bodies[index] ?? content), key)
    }
    assert.ok((await commits(rig.truth)).length - history.length <= 3)
    assert.is((await ask(rig.port, 'PUT', `/${bucket}/next-${round}`, 'next')).status, 200)
  }
})

network('gone: every request gets ServiceUnavailable, and works again when PFS is back', async ({ rig }) => {
  await rig.killPfs()
  const path = `/${bucket}/first`
  const requests = (): Promise<{ readonly status: number }>[] => [
    ask(rig.port, 'PUT', `/${bucket}/new`, 'new'),
    ask(rig.port, 'PUT', `/${bucket}/large`, content),
    ask(rig.port, 'GET', path),
    ask(rig.port, 'HEAD', path),
    ask(rig.port, 'GET', `/${bucket}?list-type=2`),
    ask(rig.port, 'GET', '/'),
  ]
  assert.equal(
    (await Promise.all(requests())).map(({ status }) => status),
    Array(6).fill(503),
  )
  await rig.startPfs()
  assert.equal(
    (await Promise.all(requests())).map(({ status }) => status),
    Array(6).fill(200),
  )
})

network.run()
