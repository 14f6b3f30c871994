import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { ListBucketsCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startUpload } from '../support/ask.js'
import { runProgram, startListening } from '../support/program.js'
import { root } from '../support/root.js'
import { s3Client } from '../support/s3-client.js'
import { createScratch } from './scratch.js'

const test = suite('the program while it serves')
const scratch = createScratch()
test.after(() => scratch.remove())

const certificate = join(root, 'test/support/tls/cert.pem')
const privateKey = join(root, 'test/support/tls/key.pem')

async function bodyOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return text
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: a running request finishes, then the program exits with 0`, async () => {
    const gateway = await startListening(['--memory'])
    const idle = await fetch(gateway.endpoint)
    await idle.text()
    const upload = await startUpload(`${gateway.endpoint}/master.images/late`, 3)
    gateway.child.kill(signal)
    await gateway.says(/Stopping/)
    upload.end('abc')
    const [answer] = await once(upload, 'response')
    answer.resume()
    assert.is(answer.statusCode, 200)
    const { code } = await gateway.ended
    assert.is(code, 0)
  })
}

test('a second signal terminates the program at once', async () => {
  const gateway = await startListening(['--memory'])
  const upload = await startUpload(`${gateway.endpoint}/master.images/never`, 3)
  upload.on('error', () => {}) // Its connection is cut.
  gateway.child.kill('SIGTERM')
  await gateway.says(/Stopping/)
  gateway.child.kill('SIGTERM')
  const { signal } = await gateway.ended
  assert.is(signal, 'SIGTERM')
})

test('--auth keys:FILE accepts only keys of the file', async () => {
  const keys = scratch.file('keys.json', '{"AK": {"secretAccessKey": "secret-of-ak", "authToken": "the-root-token"}}')
  const gateway = await startListening(['--root-token', 'the-root-token', '--auth', `keys:${keys}`])
  const known = s3Client(gateway, { accessKeyId: 'AK', secretAccessKey: 'secret-of-ak' })
  const { Buckets } = await known.send(new ListBucketsCommand({}))
  assert.is(Buckets?.length, 1)
  known.destroy()
  const refusals: string[] = []
  for (const accessKeyId of ['AK', 'the-root-token', 'constructor']) {
    const stranger = s3Client(gateway, { accessKeyId, secretAccessKey: 'the-root-token' })
    await stranger.send(new ListBucketsCommand({})).catch((error: Error) => refusals.push(error.name))
    stranger.destroy()
  }
  assert.equal(refusals, ['SignatureDoesNotMatch', 'InvalidAccessKeyId', 'InvalidAccessKeyId'])
  await gateway.stop()
})

for (const [args, env] of [
  [[], {}],
  [['--root-token', 'the-root-token'], {}],
  [['--root-token', 'the-root-token'], { PACH_TOKEN: '' }],
] as const) {
  test(`--auth none ${[...args, ...Object.keys(env)].join(' ')}: no authentication, everyone has the same rights`, async () => {
    const gateway = await startListening(['--auth', 'none', ...args], env)
    const answer = await fetch(`${gateway.endpoint}/master.images/key`, { method: 'PUT', body: 'x' })
    assert.equal([answer.status, await answer.text()], [200, ''])
    await gateway.stop()
  })
}

test('--auth none: calls use PACH_TOKEN if it is set, whatever it is', async () => {
  const gateway = await startListening(['--auth', 'none', '--root-token', 'the-root-token'], { PACH_TOKEN: 'nobody' })
  const answer = await fetch(`${gateway.endpoint}/master.images/key`, { method: 'PUT', body: 'x' })
  assert.match(await answer.text(), '<Code>AccessDenied</Code>')
  await gateway.says(/^error in request .*: Pachyderm does not accept the authToken of mode 'none': /m)
  await gateway.stop()
})

test('an unreadable keys file prints one line', async () => {
  const { code, stderr } = await runProgram(['--auth', 'keys:/no/such/file'])
  assert.equal([code, stderr], [1, 'pfs-s3-gateway: cannot read the keys file /no/such/file: there is no such file\n'])
})

test('--tls-cert and --tls-key: https', async () => {
  const gateway = await startListening(['--tls-cert', certificate, '--tls-key', privateKey])
  assert.match(gateway.endpoint, /^https:/)
  const asked = httpsRequest(gateway.endpoint, { ca: readFileSync(certificate) }).end()
  const [answer] = await once(asked, 'response')
  assert.match(await bodyOf(answer), '<Name>master.images</Name>')
  await gateway.stop()
})

for (const [flag, value] of [
  ['--base-path', 's3/'],
  ['--domain', 'http://s3.example.com'],
  ['--bucket-separator', '__'],
] as const) {
  test(`an invalid value of ${flag} prints one line that names the flag`, async () => {
    const { code, stderr } = await runProgram(['--memory', flag, value])
    assert.is(code, 1)
    assert.match(stderr, new RegExp(`^pfs-s3-gateway: ${flag} must [^\\n]+\\n$`))
  })
}

for (const expect of ['', '200']) {
  test(`a body with the header 'Expect: ${expect}' is accepted`, async () => {
    const gateway = await startListening(['--memory'])
    const upload = httpRequest(`${gateway.endpoint}/master.images/expected`, { method: 'PUT', headers: { expect } })
    upload.end('abc')
    const [answer] = await once(upload, 'response')
    assert.equal([answer.statusCode, await bodyOf(answer)], [200, ''])
    await gateway.stop()
  })
}

test('--listen :PORT is reachable at loopback, and the welcome text says so', async () => {
  const gateway = await startListening(['--memory', '--listen', ':0'])
  assert.match(gateway.endpoint, /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.is((await fetch(gateway.endpoint)).status, 200)
  await gateway.stop()
})

test('a keys file without authToken: a warning if auth is active, otherwise none', async () => {
  const keys = scratch.file('half.json', '{"HALF": {"secretAccessKey": "secret-of-half"}}')
  const active = await startListening(['--root-token', 'the-root-token', '--auth', `keys:${keys}`])
  assert.match(active.said(), 'warning: access key "HALF" has no authToken')
  await active.stop()
  const inactive = await startListening(['--memory', '--auth', `keys:${keys}`])
  assert.not.match(inactive.said(), 'warning')
  await inactive.stop()
})

test('a token that Pachyderm does not accept: a warning at startup with the name of the key, without the token', async () => {
  const entries = ['dead', 'live'].map((id) => {
    const authToken = id === 'live' ? 'the-root-token' : 'token-of-nobody'
    return [id, { secretAccessKey: `secret-of-${id}`, authToken }]
  })
  const keys = scratch.file('dead.json', JSON.stringify(Object.fromEntries(entries)))
  const active = ['--root-token', 'the-root-token', '--auth']
  const byKey = await startListening([...active, `keys:${keys}`])
  assert.match(byKey.said(), 'warning: Pachyderm does not accept the authToken of access key "dead": ')
  assert.not.match(byKey.said(), '"live"')
  assert.not.match(byKey.said(), 'token-of-nobody')
  await byKey.stop()
  const byNone = await startListening([...active, 'none'], { PACH_TOKEN: 'token-of-nobody' })
  assert.match(byNone.said(), 'warning: Pachyderm does not accept PACH_TOKEN, the token of --auth none: ')
  assert.not.match(byNone.said(), 'token-of-nobody')
  await byNone.stop()
})

test('--auth none without PACH_TOKEN: a warning if auth is active, otherwise none', async () => {
  const none = ['--auth', 'none']
  const served = await startListening(['--root-token', 'the-root-token', '--serve-pfs', '127.0.0.1:0'])
  const [, pachd = ''] = await served.says(/grpc:\/\/(\S+)/)
  const active = ['--pachd', `grpc://${pachd}`, ...none]
  const warnings: boolean[] = []
  for (const [args, env] of [
    [active, {}],
    [active, { PACH_TOKEN: 'the-root-token' }],
    [['--memory', ...none], {}],
  ] as const) {
    const gateway = await startListening(args, env)
    warnings.push(gateway.said().includes('warning: --auth none without PACH_TOKEN'))
    await gateway.stop()
  }
  await served.stop()
  assert.equal(warnings, [true, false, false])
})

test('a pachd that is gone: 503, and one line that ends with the reason', async () => {
  const served = await startListening(['--serve-pfs', '127.0.0.1:0'])
  const [pachd] = await served.says(/grpc:\/\/\S+/)
  const gateway = await startListening(['--pachd', pachd])
  await served.stop()
  assert.is((await fetch(gateway.endpoint)).status, 503)
  const [line] = await gateway.says(/^error in request .*\n/m)
  assert.match(line, new RegExp(`ECONNREFUSED ${pachd.slice('grpc://'.length)}\\.?\n$`))
  await gateway.stop()
})

const noPem = join(root, 'package.json')
for (const [name, cert, key, told] of [
  ['a certificate that is no PEM', noPem, noPem, `--tls-cert: ${noPem} is not PEM`],
  ['a key that is no PEM', certificate, noPem, `--tls-key: ${noPem} is not PEM`],
  ['a private key as certificate', privateKey, privateKey, `--tls-cert: cannot use ${privateKey}: `],
  ['a certificate as private key', certificate, certificate, `--tls-key: cannot use ${certificate}: `],
] as const) {
  test(`${name} prints one line`, async () => {
    const { code, stderr } = await runProgram([
      '--memory',
      '--listen',
      '127.0.0.1:0',
      '--tls-cert',
      cert,
      '--tls-key',
      key,
    ])
    assert.is(code, 1)
    assert.match(stderr, /^[^\n]+\n$/)
    assert.is(stderr.startsWith(`pfs-s3-gateway: ${told}`), true, stderr)
  })
}

test('--print-addresses: the listening addresses, before any other line on standard output', async () => {
  const gateway = await startListening(['--memory', '--serve-pfs', ':0', '--log', 'json', '--print-addresses'])
  await fetch(`${gateway.endpoint}/`)
  const { stdout } = await gateway.stop()
  const { s3, pfs, ...more } = JSON.parse(stdout.slice(0, stdout.indexOf('\n')))
  assert.is(s3, gateway.endpoint)
  assert.match(pfs, /^grpc:\/\/127\.0\.0\.1:\d+$/)
  assert.equal(more, {})
})

test('--print-addresses: no address of PFS if it is not served', async () => {
  const gateway = await startListening(['--memory', '--log', 'off', '--print-addresses'])
  assert.equal(JSON.parse((await gateway.stop()).stdout), { s3: gateway.endpoint })
})

test('--log off: nothing on standard output', async () => {
  const gateway = await startListening(['--log', 'off'])
  await (await fetch(gateway.endpoint)).text()
  const { stdout } = await gateway.stop()
  assert.is(stdout, '')
})

test.run()
