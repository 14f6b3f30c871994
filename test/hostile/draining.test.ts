import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startListening } from '../support/program.js'
import { root } from '../support/root.js'

/** Class 42 of README.md: connections that keep a process from ending. */
const test = suite('draining')

const tls = (name: string): string => join(root, 'test/support/tls', name)
const tlsArguments = ['--tls-cert', tls('cert.pem'), '--tls-key', tls('key.pem')]
const head = 'PUT /master.images/key HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n'

interface Client {
  readonly socket: Socket
  /** Resolves to all that was received when the connection is closed. */
  readonly closed: Promise<string>
  /** Resolves when `text` has been received. */
  received(text: string): Promise<void>
}

function clientOf(socket: Socket): Client {
  let text = ''
  socket.setEncoding('latin1').on('data', (more: string) => {
    text += more
  })
  socket.on('error', () => undefined) // A cut connection may be reset.
  const closed = once(socket, 'close').then(() => text)
  const received = async (wanted: string): Promise<void> => {
    while (!text.includes(wanted)) await once(socket, 'data')
  }
  return { socket, closed, received }
}

async function connected(port: number): Promise<Client> {
  const client = clientOf(connect(port, '127.0.0.1'))
  await once(client.socket, 'connect')
  return client
}

async function connectedTls(port: number): Promise<Client> {
  const client = clientOf(connectTls({ port, host: '127.0.0.1', ca: readFileSync(tls('cert.pem')) }))
  await once(client.socket, 'secureConnect')
  return client
}

for (const args of [[], tlsArguments]) {
  const isTls = args === tlsArguments
  test(`42: idle ${isTls ? 'TLS' : 'plain'} connections are closed at once, running requests finish`, async () => {
    // The deadline is so far off that only the drain can end the process in time.
    const gateway = await startListening(['--memory', '--drain-seconds', '86400', ...args])
    const port = Number(new URL(gateway.endpoint).port)
    const opened = (): Promise<Client> => (isTls ? connectedTls(port) : connected(port))
    const silent = await connected(port)
    const halfHead = await opened()
    halfHead.socket.write('GET / HTTP/1.1\r\nhos')
    const idle = await opened()
    idle.socket.write('GET / HTTP/1.1\r\nhost: h\r\n\r\n')
    await idle.received('</ListAllMyBucketsResult>')
    const running = await opened()
    running.socket.write(head)
    await running.received('100 Continue')
    gateway.child.kill('SIGTERM')
    for (const { closed } of [silent, halfHead, idle]) await closed
    running.socket.write('abc')
    const answer = await running.closed
    assert.match(answer, 'HTTP/1.1 200 OK')
    assert.match(answer, /\r\nconnection: close\r\n/i)
    assert.is((await gateway.ended).code, 0)
  })
}

for (const args of [[], tlsArguments]) {
  test(`42: an unfinished ${args === tlsArguments ? 'TLS' : 'plain'} request is cut after --drain-seconds, and logged`, async () => {
    const gateway = await startListening(['--memory', '--drain-seconds', '0', ...args])
    const port = Number(new URL(gateway.endpoint).port)
    const client = args === tlsArguments ? await connectedTls(port) : await connected(port)
    client.socket.write(head)
    await client.received('100 Continue')
    gateway.child.kill('SIGTERM')
    await client.closed
    const { code, stderr, stdout } = await gateway.ended
    assert.is(code, 0)
    assert.match(stderr, 'Cut 1 request that did not finish in time.')
    assert.match(stdout, / 499 PUT \/master\.images\/key /)
  })
}

test('42: requests behind one that closed its connection are not waited for', async () => {
  const gateway = await startListening(['--memory', '--drain-seconds', '0'])
  const port = Number(new URL(gateway.endpoint).port)
  const left = await connected(port)
  const refused = 'PUT /master.images/key HTTP/1.1\r\nhost: h\r\ntransfer-encoding: ,chunked\r\n\r\n0\r\n\r\n'
  left.socket.write(refused + 'GET / HTTP/1.1\r\nhost: h\r\n\r\n'.repeat(20))
  assert.match(await left.closed, 'HTTP/1.1 501 Not Implemented')
  const client = await connected(port)
  client.socket.write(head)
  await client.received('100 Continue')
  gateway.child.kill('SIGTERM')
  await client.closed
  assert.match((await gateway.ended).stderr, 'Cut 1 request that did not finish in time.')
})

test.run()
