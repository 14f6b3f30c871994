import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { ListBucketsCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runProgram, startListening, startProgram } from '../support/program.js'
import { root } from '../support/root.js'
import { s3Client } from '../support/s3-client.js'
import { createScratch } from './scratch.js'

const test = suite('the program while it runs')
const scratch = createScratch()
test.after(() => scratch.remove())

async function startPfs(address = '127.0.0.1:0') {
  const served = await startListening(['--memory', '--serve-pfs', address])
  const [, pachd = ''] = await served.says(/grpc:\/\/(\S+)/)
  return { ...served, pachd: `grpc://${pachd}` }
}

const threads = (pid = ''): string[] => readdirSync(`/proc/${pid}/task`)

const keyFileOf = (secret: string): string => JSON.stringify({ AK: { secretAccessKey: secret } })

async function canList(gateway: { readonly endpoint: string }, secretAccessKey: string): Promise<boolean> {
  const s3 = s3Client(gateway, { accessKeyId: 'AK', secretAccessKey })
  const result = await s3.send(new ListBucketsCommand({})).then(
    () => true,
    () => false,
  )
  s3.destroy()
  return result
}

test('a changed keys file is reloaded; an unreadable one changes nothing', async () => {
  const keys = scratch.file('keys.json', keyFileOf('old-secret'))
  const gateway = await startListening(['--memory', '--auth', `keys:${keys}`])
  assert.equal([await canList(gateway, 'old-secret'), await canList(gateway, 'new-secret')], [true, false])
  writeFileSync(keys, keyFileOf('new-secret'))
  await gateway.says(/Read the keys file again/)
  assert.equal([await canList(gateway, 'old-secret'), await canList(gateway, 'new-secret')], [false, true])
  writeFileSync(keys, '{')
  gateway.child.kill('SIGHUP')
  await gateway.says(/error: the keys file stays as it was: the keys file \S+ is not JSON/)
  assert.is(await canList(gateway, 'new-secret'), true)
  await gateway.stop()
})

test('SIGHUP: the certificate is reloaded, for new connections', async () => {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => {
    const path = join(scratch.file(`tls-${name}`, ''))
    copyFileSync(join(root, 'test/support/tls', name), path)
    return path
  })
  const gateway = await startListening(['--memory', '--tls-cert', cert ?? '', '--tls-key', key ?? ''])
  assert.match(await subjectOf(gateway.endpoint), 'CN=')
  writeFileSync(cert ?? '', 'no certificate')
  gateway.child.kill('SIGHUP')
  await gateway.says(/error: the certificate stays as it was: --tls-cert: \S+ is not PEM/)
  assert.match(await subjectOf(gateway.endpoint), 'CN=')
  copyFileSync(join(root, 'test/support/tls/cert.pem'), cert ?? '')
  gateway.child.kill('SIGHUP')
  await gateway.says(/Read the certificate again/)
  await gateway.stop()
})

async function subjectOf(endpoint: string): Promise<string> {
  const { hostname, port } = new URL(endpoint)
  const socket = connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return `CN=${subject?.CN}`
}

test('--wait: the program starts before pachd, and logs this once', async () => {
  const served = await startPfs()
  const address = served.pachd.slice('grpc://'.length)
  await served.stop()
  const gateway = startProgram(['--listen', '127.0.0.1:0', '--pachd', served.pachd, '--wait', '600'])
  await gateway.says(/Waiting 600 seconds at most: pachd at \S+ \(--pachd\) does not answer: nothing listens there/)
  const again = await startPfs(address)
  await gateway.says(/Listening on/)
  assert.is(gateway.said().match(/Waiting/g)?.length, 1)
  gateway.child.kill('SIGTERM')
  await gateway.ended
  await again.stop()
})

for (const isSignalled of [false, true]) {
  test(`--wait: a keys file that changes${isSignalled ? ', and SIGHUP,' : ''} while the program waits for pachd`, async () => {
    const served = await startPfs()
    const address = served.pachd.slice('grpc://'.length)
    await served.stop()
    const keys = scratch.file('waiting.json', keyFileOf('old-secret'))
    const args = ['--listen', '127.0.0.1:0', '--pachd', served.pachd, '--wait', '600', '--auth', `keys:${keys}`]
    const gateway = startProgram(args)
    await gateway.says(/Waiting 600 seconds/)
    writeFileSync(keys, keyFileOf('new-secret'))
    if (isSignalled) gateway.child.kill('SIGHUP')
    const again = await startPfs(address)
    const [, endpoint = ''] = await gateway.says(/Listening on (\S+)/)
    assert.equal([await canList({ endpoint }, 'old-secret'), await canList({ endpoint }, 'new-secret')], [false, true])
    gateway.child.kill('SIGTERM')
    assert.is((await gateway.ended).code, 0)
    await again.stop()
  })
}

test('--workers: processes share the port and the metrics; a killed one is replaced; SIGTERM stops all', async () => {
  const served = await startPfs()
  const gateway = await startListening(['--pachd', served.pachd, '--workers', '2', '--admin', '127.0.0.1:0'])
  const [, admin = ''] = await gateway.says(/Admin at (http:\/\/[^\s:]+:\d+)/)
  for (let turn = 0; turn < 8; turn++) {
    const answer = await fetch(gateway.endpoint, { headers: { connection: 'close' } })
    assert.is(answer.status, 200)
    await answer.text()
  }
  assert.is((await fetch(`${admin}/readyz`)).status, 200)
  const metrics = await (await fetch(`${admin}/metrics`)).text()
  assert.match(metrics, /\npfs_s3_requests_total\{action="ListBuckets",status="200",code=""\} 8\n/)
  assert.match(metrics, /\npfs_s3_pachd_up 1\n/)
  assert.is(gateway.said().match(/Listening on/g)?.length, 1)
  const children = readFileSync(`/proc/${gateway.child.pid}/task/${gateway.child.pid}/children`, 'utf8')
    .trim()
    .split(' ')
  assert.is(children.length, 2)
  process.kill(Number(children[0]), 'SIGKILL')
  await gateway.says(/worker \d \(process \d+\) has ended with SIGKILL; another one starts/)
  const { code } = await gateway.stop()
  assert.is(code, 0)
  await served.stop()
})

for (const signal of ['SIGHUP', 'SIGTERM'] as const) {
  test(`--workers: ${signal} just after a worker has died reaches the others`, async () => {
    const served = await startPfs()
    const gateway = await startListening(['--pachd', served.pachd, '--workers', '2'])
    const { pid = 0 } = gateway.child
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    process.kill(pid, 'SIGSTOP')
    process.kill(Number(child), 'SIGKILL')
    // Its files are closed when its last thread has ended.
    const isDead = () => /\) Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8')) && threads(child).length === 1
    while (!isDead()) await setImmediate()
    process.kill(pid, signal)
    process.kill(pid, 'SIGCONT')
    if (signal === 'SIGHUP') {
      await gateway.says(/has ended with SIGKILL; another one starts/)
      gateway.child.kill('SIGTERM')
    }
    assert.is((await gateway.ended).code, 0, gateway.said())
    await served.stop()
  })
}

test('--workers: a worker whose successor finds no pachd is replaced again', async () => {
  const served = await startPfs()
  const gateway = await startListening(['--pachd', served.pachd, '--workers', '2'])
  await served.stop()
  const [child] = readFileSync(`/proc/${gateway.child.pid}/task/${gateway.child.pid}/children`, 'utf8').split(' ')
  process.kill(Number(child), 'SIGKILL')
  await gateway.says(
    /(worker \d) \(process \d+\) has ended with SIGKILL; another[\s\S]*\1 \(process \d+\) has ended with 1; another/,
  )
  assert.is((await gateway.stop()).code, 0)
})

test('--workers: SIGTERM ends a worker that still waits for pachd', async () => {
  const served = await startPfs()
  const gateway = await startListening(['--pachd', served.pachd, '--workers', '2', '--wait', '600'])
  await served.stop()
  // The first worker, which is the one that prints messages.
  const [child] = readFileSync(`/proc/${gateway.child.pid}/task/${gateway.child.pid}/children`, 'utf8').split(' ')
  process.kill(Number(child), 'SIGKILL')
  await gateway.says(/Waiting 600 seconds/)
  assert.is((await gateway.stop()).code, 0)
})

test('--workers: one line if PFS would be in memory, or if no worker can start', async () => {
  const memory = await runProgram(['--memory', '--workers', '2', '--admin', '127.0.0.1:0'])
  const reason = '--workers needs a pachd: each worker would have a separate PFS in memory'
  assert.equal([memory.code, memory.stderr], [1, `pfs-s3-gateway: ${reason}\n`])
  const served = await startPfs()
  const { host } = new URL(served.endpoint)
  const busy = ['--pachd', served.pachd, '--workers', '2', '--listen', host]
  const told = `cannot listen on ${host}: another program listens there`
  const text = await runProgram(busy)
  assert.equal([text.code, text.stderr], [1, `pfs-s3-gateway: ${told}\n`])
  const json = await runProgram([...busy, '--log', 'json'])
  assert.equal([json.code, JSON.parse(json.stderr).message], [1, told])
  await served.stop()
})

test('--max-connections and --max-header-bytes limit the resources of clients', async () => {
  const gateway = await startListening(['--memory', '--max-connections', '1', '--max-header-bytes', '2000'])
  const { port, hostname } = new URL(gateway.endpoint)
  const first = connect(Number(port), hostname)
  await once(first, 'connect')
  // The first connection stays open until the second is refused. A socket that nobody reads never closes.
  const second = connect(Number(port), hostname)
  second.on('error', () => undefined).resume()
  await once(second, 'close')
  first.write(`GET /${'x'.repeat(3000)} HTTP/1.1\r\nhost: h\r\n\r\n`)
  const [answer] = await once(first, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 400 RequestHeaderSectionTooLarge/)
  first.destroy()
  await gateway.stop()
})

test.run()
