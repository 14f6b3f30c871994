import { constants, createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPfsClient, PfsError } from '../../lib/index.js'
import { ask } from '../support/ask.js'
import { branch, bucket } from './support/branch.js'
import { leave, sendPart } from './support/http.js'
import { putMessage } from './support/messages.js'
import { startRig } from './support/rig.js'

/*
 * HTTP/2 servers and proxies count the calls that a client resets, against attacks (CVE-2023-44487): Node's ends the
 * connection, and all calls on it, after 1,000 and then 33 a second; Envoy after 500 where most calls are reset.
 */
const resets = suite('reset PFS calls')

const large = Buffer.alloc(3_000_000, 'large')

resets('a request with a complete response resets no call', async () => {
  const rig = await startRig({ options: { cacheBytes: 100_000_000 } })
  const { port } = rig
  const whole = `bytes=${large.length - 1000}-`
  for (const [status, send] of [
    [200, () => ask(port, 'PUT', `/${bucket}/directory/small`, 'small')],
    [200, () => ask(port, 'PUT', `/${bucket}/directory/small`, 'smaller')],
    [200, () => ask(port, 'PUT', `/${bucket}/directory/large`, large)],
    [200, () => ask(port, 'GET', `/${bucket}/directory/small`)],
    [200, () => ask(port, 'GET', `/${bucket}/directory/large`)],
    [206, () => ask(port, 'GET', `/${bucket}/directory/large`, undefined, { range: whole })],
    [200, () => ask(port, 'HEAD', `/${bucket}/directory/large`)],
    [200, () => ask(port, 'HEAD', `/${bucket}`)],
    [200, () => ask(port, 'GET', '/')],
    [200, () => ask(port, 'GET', `/${bucket}?list-type=2`)],
    [200, () => ask(port, 'GET', `/${bucket}?list-type=2&delimiter=/&max-keys=1`)],
    [200, () => ask(port, 'PUT', `/${bucket}/copy`, '', { 'x-amz-copy-source': `/${bucket}/directory/large` })],
    [204, () => ask(port, 'DELETE', `/${bucket}/copy`)],
    [404, () => ask(port, 'GET', `/${bucket}/copy`)],
    [404, () => ask(port, 'GET', `/${bucket}/nowhere/at-all`)],
    [404, () => ask(port, 'GET', '/master.nowhere/key')],
  ] as const) {
    assert.is((await send()).status, status)
    await rig.idle()
    assert.is(rig.wire.resets, 0, String(send))
  }
  const message = putMessage(`/${bucket}/large`, large, 'content-length')
  const begun = rig.pfs.begun('createFileSet')
  const sender = await sendPart(port, message, message.head.length + 10)
  await begun
  await leave(sender, 'closes')
  await rig.idle()
  assert.is(rig.wire.resets, 1, 'a sender that leaves resets its call')
  await rig.close()
})

resets('a connection that is closed with an error is UNAVAILABLE, and reads are retried on the next one', async () => {
  const sessions: ServerHttp2Session[] = []
  let calls = 0
  const server = createServer()
  server.on('session', (session) => sessions.push(session))
  server.on('stream', (stream) => {
    calls++
    stream.on('error', () => {})
    stream.session?.goaway(constants.NGHTTP2_INTERNAL_ERROR)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const pfs = createPfsClient(`grpc://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const failures = [
    await pfs.inspectBranch(branch).catch((error: unknown) => error),
    await pfs.modifyFile({ repo: branch.repo, branch: branch.name }, []).catch((error: unknown) => error),
  ]
  for (const failure of failures) {
    assert.instance(failure, PfsError)
    assert.is(failure instanceof PfsError && failure.status, 'UNAVAILABLE', String(failure))
  }
  assert.is(calls, 4 + 1, 'the read is made four times, the write once')
  pfs.close()
  for (const session of sessions) session.destroy()
  await new Promise((resolve) => server.close(resolve))
})

resets.run()
