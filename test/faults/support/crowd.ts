import { connect, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import type { PfsClient } from '../../../lib/index.js'
import { createMemoryPfs, servePfs } from '../../../lib/testing/index.js'
import { ask } from '../../support/ask.js'
import { bucket, holds, repos, sum } from './branch.js'
import { type GatewayProcess, withGatewayProcess } from './gateway-process.js'
import { leave } from './http.js'
import { putMessage } from './messages.js'

/** Half of `connections` idle in one way or another, while each of the other half puts and gets an object; all at once. */
export async function crowd(connections: number): Promise<void> {
  const pfs = createMemoryPfs({ repos, commitMilliseconds: 10 })
  const served = await servePfs(pfs, '127.0.0.1:0')
  try {
    await withGatewayProcess({ address: served.address, options: {} }, (gateway) => crowdOf(connections, gateway, pfs))
  } finally {
    await served.close({ force: true })
  }
}

async function crowdOf(connections: number, gateway: GatewayProcess, pfs: PfsClient): Promise<void> {
  assert.is((await ask(gateway.port, 'PUT', `/${bucket}/first`, 'first')).status, 200)
  await gateway.idle()
  const before = await gateway.measure()

  const count = connections / 2
  const idlers = await Promise.all(Array.from({ length: count }, (_, index) => idler(gateway.port, index)))
  await Promise.all(Array.from({ length: count }, (_, index) => putAndGet(gateway.port, index)))
  assert.ok(
    idlers.every((socket) => !socket.destroyed),
    'no sender was refused',
  )
  const held = await holds(pfs)
  assert.is(held.size, 1 + count)
  for (let index = 0; index < count; index++) assert.is(held.get(`object-${index}`), sum(contentOf(index)))

  await Promise.all(idlers.map((socket) => leave(socket, 'closes')))
  await gateway.idle()
  const after = await gateway.measure()
  assert.is(after.files, before.files)
  assert.is(after.timers, before.timers)
  assert.equal(after.errors, [])
}

/** The content for `putAndGet`. */
export const contentOf = (index: number): Buffer => Buffer.alloc(1000, `object ${index} `)

/** A connection on which nothing comes, or half a head, or half a body. */
export async function idler(port: number, index: number): Promise<Socket> {
  const { head, body } = putMessage(`/${bucket}/idle`, Buffer.alloc(2000), 'content-length')
  const sent = [0, head.length / 2, head.length + body.length / 2][index % 3] ?? 0
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('connect', resolve))
  if (sent > 0) socket.write(Buffer.concat([head, body]).subarray(0, sent))
  return socket
}

/** Puts an object over one connection and gets it over another; fails on any other answer than the right one. */
export async function putAndGet(port: number, index: number): Promise<void> {
  const path = `/${bucket}/object-${index}`
  const put = await ask(port, 'PUT', path, contentOf(index))
  assert.is(put.status, 200)
  const read = await ask(port, 'GET', path)
  assert.equal([read.status, read.isWhole, read.body.equals(contentOf(index))], [200, true, true])
}
