import { connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ask } from '../support/ask.js'
import { bucket, commits, holds, sum } from './support/branch.js'
import { closeOf, leave, sendPart } from './support/http.js'
import { framings, putMessage } from './support/messages.js'
import { leaked, openThings, type Rig, startRig } from './support/rig.js'

const maxSharedBodyBytes = 16 * 1024
const sizes = { small: 9000, large: 2_500_000 }

/** Reads a connection until its response is complete, or it ends. */
function answered(socket: ReturnType<typeof connect>): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part
      if (text.includes('</Error>')) resolve(text)
    })
    void closeOf(socket).then(() => resolve(text))
  })
}

const stalling = suite<{ rig: Rig; before: Readonly<Record<string, number>> }>('senders that stall')

stalling.before(async (context) => {
  context.rig = await startRig({ options: { maxSharedBodyBytes, bodyTimeoutMilliseconds: 50 } })
  await ask(context.rig.port, 'PUT', `/${bucket}/first`, 'first')
  await context.rig.idle()
  context.before = openThings()
})

stalling.after(({ rig }) => rig.close())

for (const [size, bytes] of Object.entries(sizes)) {
  for (const framing of framings) {
    stalling(`one of a ${size} object, ${framing}, gets RequestTimeout, and nothing is stored`, async (context) => {
      const { rig, before } = context
      const history = await commits(rig.truth)
      const message = putMessage(`/${bucket}/${size}`, Buffer.alloc(bytes, 'a'), framing)
      const { head, body } = message
      for (const sent of [
        head.length,
        head.length + 1,
        head.length + (body.length >> 1),
        head.length + body.length - 1,
      ]) {
        const socket = await sendPart(rig.port, message, sent)
        const text = await answered(socket)
        assert.match(text, /^HTTP\/1\.1 400 /, `${sent - head.length} bytes of the body sent`)
        assert.match(text, '<Code>RequestTimeout</Code>')
        await leave(socket, 'closes')
        await rig.idle()
      }
      assert.equal(await commits(rig.truth), history)
      assert.equal(await leaked(before), [])
    })
  }
}

stalling.run()

const patient = suite<{ rig: Rig; before: Readonly<Record<string, number>> }>('senders that stall beside others')

patient.before(async (context) => {
  context.rig = await startRig({ options: { maxSharedBodyBytes } })
  await ask(context.rig.port, 'PUT', `/${bucket}/first`, 'first')
  await context.rig.idle()
  context.before = openThings()
})

patient.after(({ rig }) => rig.close())

patient('other clients can write while twenty have sent everything but the last byte', async ({ rig, before }) => {
  const message = putMessage(`/${bucket}/stalled`, Buffer.alloc(sizes.large, 'a'), 'content-length')
  const small = putMessage(`/${bucket}/stalled-small`, Buffer.alloc(sizes.small, 'a'), 'content-length')
  const begun = rig.pfs.begun('createFileSet')
  const stalled = await Promise.all(
    Array.from({ length: 20 }, (_, index) => {
      const which = index % 2 === 0 ? message : small
      return sendPart(rig.port, which, which.head.length + which.body.length - 1)
    }),
  )
  await begun
  const content = Buffer.alloc(sizes.large, 'b')
  const writes = await Promise.all([
    ...Array.from({ length: 10 }, (_, index) => ask(rig.port, 'PUT', `/${bucket}/small-${index}`, `${index}`)),
    ask(rig.port, 'PUT', `/${bucket}/large`, content),
    // The key that the stalled ones want to write.
    ask(rig.port, 'PUT', `/${bucket}/stalled`, content),
  ])
  assert.equal(new Set(writes.map(({ status }) => status)), new Set([200]))
  assert.ok(stalled.every((socket) => !socket.destroyed))
  await Promise.all(stalled.map((socket) => leave(socket, 'closes')))
  await rig.idle()
  const held = await holds(rig.truth)
  assert.is(held.get('stalled'), sum(content))
  assert.is(held.get('stalled-small'), undefined)
  assert.equal(await leaked(before), [])
})

patient('connections without a request, or with half of its headers, do not block others', async ({ rig, before }) => {
  const sockets = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const socket = connect(rig.port, '127.0.0.1')
      await new Promise((resolve) => socket.once('connect', resolve))
      if (index % 2 === 0) socket.write(`PUT /${bucket}/half HTTP/1.1\r\nhost: loc`)
      return socket
    }),
  )
  assert.is((await ask(rig.port, 'PUT', `/${bucket}/beside`, 'beside')).status, 200)
  await Promise.all(sockets.map((socket) => leave(socket, 'resets')))
  await rig.idle()
  assert.equal(await leaked(before), [])
})

patient('buffered memory is released when senders leave', async ({ before }) => {
  const rig = await startRig()
  // Together more than all small bodies may take (256 MiB): the last ones wait for the first.
  const message = putMessage(`/${bucket}/held`, Buffer.alloc(1024 * 1024), 'content-length')
  const senders = await Promise.all(
    Array.from({ length: 300 }, () => sendPart(rig.port, message, message.head.length + 1)),
  )
  const waiting = Array.from({ length: 20 }, (_, index) => ask(rig.port, 'PUT', `/${bucket}/waited-${index}`, 'waited'))
  await Promise.all(senders.map((socket) => leave(socket, 'closes')))
  for (const { status } of await Promise.all(waiting)) assert.is(status, 200)
  await rig.idle()
  assert.is((await holds(rig.truth)).size, 20)
  assert.equal(rig.errors, [])
  await rig.close()
  assert.equal(await leaked(before), [])
})

patient('one that waits for 100 Continue and then leaves in the middle', async ({ rig, before }) => {
  const history = await commits(rig.truth)
  for (const bytes of Object.values(sizes)) {
    const { head, body } = putMessage(`/${bucket}/continued`, Buffer.alloc(bytes, 'a'), 'content-length')
    const expecting = Buffer.from(head.toString().replace('host:', 'expect: 100-continue\r\nhost:'))
    const socket = await sendPart(rig.port, { head: expecting, body }, expecting.length)
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    assert.match(first.toString(), /^HTTP\/1\.1 100 /)
    socket.write(body.subarray(0, bytes / 2))
    await leave(socket, 'closes')
    await rig.idle()
  }
  assert.equal(await commits(rig.truth), history)
  assert.equal(await leaked(before), [])
})

patient.run()
