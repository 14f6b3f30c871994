import { readFileSync, renameSync } from 'node:fs'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { runProgram, startCommand, startListening } from '../support/program.js'
import { fileOf, root } from '../support/root.js'
import { s3Client } from '../support/s3-client.js'
import { createScratch } from './scratch.js'

const test = suite('logs, metrics and health')
const scratch = createScratch()
test.after(() => scratch.remove())

type Line = Readonly<Record<string, unknown>>

function jsonLines(text: string): readonly Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Text of an address that answers with a status. */
async function ask(url: string): Promise<readonly [number, string]> {
  const answer = await fetch(url)
  return [answer.status, await answer.text()]
}

test('--log text: a readable line per request', async () => {
  const gateway = await startListening(['--memory'])
  await ask(`${gateway.endpoint}/master.images/none?X-Amz-Signature=abc`)
  const { stdout } = await gateway.stop()
  assert.match(
    stdout,
    /^\S+Z 404 GET \/master\.images\/none\?X-Amz-Signature=\.\.\. GetObject \d+ms in=0 out=\d+ [0-9A-F]{16} - NoSuchKey\n$/,
  )
})

test('--log json: every line of both outputs is JSON, without secrets', async () => {
  const gateway = await startListening(['--log', 'json', '--root-token', 'the-root-token', '--auth', 'pachyderm'])
  const credentials = { accessKeyId: 'the-root-token', secretAccessKey: 'the-root-token' }
  const s3 = s3Client(gateway, credentials)
  await s3.send(new PutObjectCommand({ Bucket: 'master.images', Key: 'a b', Body: 'abc' }))
  s3.destroy()
  const wrong = s3Client(gateway, { ...credentials, secretAccessKey: 'wrong' })
  await wrong.send(new GetObjectCommand({ Bucket: 'master.images', Key: 'a b' })).catch(() => undefined)
  wrong.destroy()
  const { stdout, stderr } = await gateway.stop()
  const [put, get] = jsonLines(stdout)
  const words = jsonLines(stderr)
  const { level, message, action, bucket, key, status, bytesOut, requester, method } = put ?? {}
  assert.equal(
    [level, message, action, bucket, key, status, bytesOut, requester, method],
    ['info', 'request', 'PutObject', 'master.images', 'a b', 200, 0, 'pach:root', 'PUT'],
  )
  for (const name of ['milliseconds', 'pfsMilliseconds', 'pfsCalls', 'firstByteMilliseconds']) {
    assert.type(put?.[name], 'number', name)
  }
  assert.match(String(put?.start), /^\d{4}-\d\d-\d\dT.*Z$/)
  assert.equal([get?.status, get?.code], [403, 'SignatureDoesNotMatch'])
  const error = words.find((line) => line.level === 'error')
  assert.equal([error?.requestId, error?.code, error?.action], [get?.requestId, 'SignatureDoesNotMatch', 'GetObject'])
  assert.ok(words.some((line) => line.s3 === gateway.endpoint && line.message === `Listening on ${gateway.endpoint}`))
  assert.ok(words.some((line) => String(line.message).startsWith('Stopping')))
  assert.not.match(stdout + stderr, 'the-root-token')
})

for (const format of ['text', 'json']) {
  test(`--log ${format}: what PFS says reaches no terminal as control characters`, async () => {
    const pfs = createMemoryPfs({ repos: { images: { master: {} } } })
    const said = 'a\u001b[2Jb\rc\u009b31md\u202ee\u2028f\u{e0041}g "h" ü'
    pfs.globFile = () => {
      throw new PfsError('INTERNAL', said)
    }
    const served = await servePfs(pfs, '127.0.0.1:0')
    const gateway = await startListening(['--log', format, '--pachd', served.address])
    assert.is((await ask(`${gateway.endpoint}/images/a`))[0], 500)
    const { stderr } = await gateway.stop()
    await served.close({ force: true })
    assert.not.match(stderr.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    assert.ok(
      stderr.includes('a\\u001b[2Jb\\rc\\u009b31md\\u202ee\\u2028f\\udb40\\udc41g') || format === 'text',
      stderr,
    )
    const text =
      format === 'json'
        ? jsonLines(stderr)
            .map(({ message }) => message)
            .join()
        : stderr
    assert.ok(text.includes('a\\u001b[2Jb\\u000dc\\u009b31md\\u202ee\\u2028f\\udb40\\udc41g "h" ü'), text)
  })
}

test('--log json: a startup error is a line of JSON, too', async () => {
  const gateway = await startListening(['--memory'])
  const { host } = new URL(gateway.endpoint)
  const { code, stderr } = await runProgram(['--memory', '--log', 'json', '--listen', host])
  await gateway.stop()
  const [line] = jsonLines(stderr)
  assert.equal(
    [code, line?.level, line?.message],
    [1, 'error', `cannot listen on ${host}: another program listens there`],
  )
})

/** The first 18 fields of https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html, then eight more. */
const accessLogLine =
  /^(\S+) (\S+) \[([^\]]+)\] (\S+) (\S+) (\S+) (\S+) (\S+) ("[^"]*"|-) (\d+) (\S+) (\S+) (\S+) (\S+) (\S+) ("[^"]*"|-) ("[^"]*"|-) (\S+)( \S+){8}$/

test('--access-log: lines of S3 server access logs; SIGHUP reopens the file', async () => {
  const file = scratch.file('access.log', '')
  const gateway = await startListening(['--memory', '--log', 'off', '--access-log', file])
  const s3 = s3Client(gateway)
  await s3.send(new PutObjectCommand({ Bucket: 'master.images', Key: 'a "b"', Body: 'abc' }))
  renameSync(file, `${file}.1`)
  gateway.child.kill('SIGHUP')
  await gateway.says(/Read the access log again/)
  await s3
    .send(new GetObjectCommand({ Bucket: 'master.images', Key: 'a "b"' }))
    .then(({ Body }) => Body?.transformToString())
  s3.destroy()
  await gateway.stop()
  const [put, get] = [`${file}.1`, file].map((path) => {
    const text = readFileSync(path, 'utf8')
    assert.is(text.split('\n').length, 2, text)
    const fields = accessLogLine.exec(text.trimEnd())
    assert.ok(fields, text)
    return fields
  })
  assert.match(put?.[3] ?? '', /^\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000$/)
  assert.equal([put?.[2], put?.[7], put?.[8], put?.[10]], ['master.images', 'REST.PUT.OBJECT', 'a%20"b"', '200'])
  assert.match(put?.[9] ?? '', /^"PUT \/master\.images\/a%20%22b%22\?x-id=PutObject HTTP\/1\.1"$/)
  assert.equal([get?.[7], get?.[12], get?.[13]], ['REST.GET.OBJECT', '3', '3'])
})

test('--access-log: a file that cannot be written is one error, and requests are answered', async () => {
  const gateway = await startListening(['--memory', '--log', 'off', '--access-log', '/dev/full'])
  for (let turn = 0; turn < 2; turn++) assert.is((await ask(gateway.endpoint))[0], 200)
  await gateway.says(/error: cannot write the access log \/dev\/full: /)
  const { stderr } = await gateway.stop()
  assert.is(stderr.match(/cannot write/g)?.length, 1)
})

async function startWithAdmin(args: readonly string[]) {
  const gateway = await startListening(['--log', 'off', '--admin', '127.0.0.1:0', ...args])
  const [, admin = ''] = await gateway.says(/Admin at (http:\/\/[^\s:]+:\d+)/)
  return { ...gateway, admin }
}

for (const args of [
  ['--log', 'text'],
  ['--log', 'off', '--access-log', '-'],
  ['--log', 'json'],
]) {
  test(`${args.join(' ')}: a full disk ends nothing and fills no memory`, async () => {
    const command = ['sh', '-c', 'exec "$0" "$@" >/dev/full', process.execPath, '.compiled/lib/cli/main.js']
    const env = { PATH: process.env.PATH, NODE_OPTIONS: '--max-old-space-size=40' }
    const gateway = startCommand([...command, '--memory', '--listen', '127.0.0.1:0', ...args], { cwd: root, env })
    const [, endpoint] = await gateway.says(/Listening on ([^\s"]+)/)
    const long = `${endpoint}/?prefix=${'x'.repeat(15_000)}`
    // pino keeps lines that it cannot write, here 45 MB.
    const rounds = args.includes('json') ? 75 : 1
    for (let round = 0; round < rounds; round += 1) {
      const answers = await Promise.all(Array.from({ length: 40 }, () => ask(long)))
      assert.ok(answers.every(([status]) => status === 200))
    }
    gateway.child.stderr?.destroy()
    gateway.child.kill('SIGTERM')
    assert.is((await gateway.ended).code, 0)
    assert.is(gateway.said().match(/cannot write to standard output: \S+/g)?.length, 1)
  })
}

test('--admin: the process is alive and ready; metrics count the requests', async () => {
  const gateway = await startWithAdmin(['--memory'])
  const s3 = s3Client(gateway)
  await s3.send(new PutObjectCommand({ Bucket: 'master.images', Key: 'k', Body: 'four' }))
  for (let turn = 0; turn < 2; turn++) {
    await s3
      .send(new GetObjectCommand({ Bucket: 'master.images', Key: 'k' }))
      .then(({ Body }) => Body?.transformToString())
  }
  await s3.send(new GetObjectCommand({ Bucket: 'master.images', Key: 'none' })).catch(() => undefined)
  s3.destroy()
  assert.equal(await ask(`${gateway.admin}/healthz`), [200, 'ok\n'])
  assert.equal(await ask(`${gateway.admin}/readyz`), [200, 'ok\n'])
  assert.is((await ask(`${gateway.admin}/other`))[0], 404)
  const [status, text] = await ask(`${gateway.admin}/metrics`)
  await gateway.stop()
  assert.is(status, 200)
  for (const line of [
    'pfs_s3_requests_total{action="PutObject",status="200",code=""} 1',
    'pfs_s3_requests_total{action="GetObject",status="200",code=""} 2',
    'pfs_s3_requests_total{action="GetObject",status="404",code="NoSuchKey"} 1',
    'pfs_s3_request_duration_seconds_count{action="PutObject"} 1',
    'pfs_s3_sent_bytes_total{action="GetObject"}',
    'pfs_s3_commits_total 1',
    'pfs_s3_writes_per_commit_count 1',
    'pfs_s3_write_queue_wait_seconds_count 1',
    'pfs_s3_write_queue_length 0',
    'pfs_s3_pfs_calls_total{method="modifyFile",status="OK"} 1',
    'pfs_s3_cache_lookups_total{cache="contents",result="hit"} 1',
    'pfs_s3_connections ',
    'pfs_s3_pachd_up 1',
    'pfs_s3_requests_running 0',
    'process_cpu_seconds_total',
  ]) {
    assert.ok(text.includes(`\n${line}`), `${line} in\n${text}`)
  }
})

test('the dashboard and docs/watching.md contain exactly the existing metrics', async () => {
  const gateway = await startWithAdmin(['--memory'])
  const [, text] = await ask(`${gateway.admin}/metrics`)
  await gateway.stop()
  const served = [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
  )
  const { panels } = JSON.parse(readFileSync(fileOf('deploy/grafana-dashboard.json'), 'utf8'))
  const queries: readonly string[] = panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  )
  const used = queries.flatMap((query) => query.match(/\b(pfs_s3|process|nodejs)_\w+/g) ?? [])
  assert.equal(
    used.filter((name) => !served.includes(name)),
    [],
  )
  const own = [...text.matchAll(/^# TYPE (pfs_s3_\w+)/gm)].map(([, name = '']) => name)
  const isUsed = (name: string) => used.some((each) => each.replace(/_(bucket|sum|count)$/, '') === name)
  assert.equal(
    own.filter((name) => !isUsed(name)),
    [],
  )
  const page = readFileSync(fileOf('docs/watching.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `pfs_s3_'))
  const documented = rows.flatMap((row) => row.split(' | ')[0]?.match(/pfs_s3_\w+/g) ?? [])
  assert.equal(documented.toSorted(), own.toSorted())
})

test('pachd stops and comes back: one log line for each, and /readyz changes', async () => {
  const served = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0'])
  const [, pachd = ''] = await served.says(/grpc:\/\/(\S+)/)
  const gateway = await startWithAdmin(['--pachd', `grpc://${pachd}`])
  assert.is((await ask(`${gateway.admin}/readyz`))[0], 200)
  await served.stop()
  assert.is((await ask(`${gateway.endpoint}/master.images/k`))[0], 503)
  await gateway.says(/warning: pachd is lost: nothing listens there$/m)
  assert.equal(await ask(`${gateway.admin}/readyz`), [503, 'pachd was not reached\n'])
  assert.equal(await ask(`${gateway.admin}/healthz`), [200, 'ok\n'])
  assert.match((await ask(`${gateway.admin}/metrics`))[1], '\npfs_s3_pachd_up 0')
  const again = await startListening(['--memory', '--serve-pfs', pachd])
  await gateway.says(/pachd is back after \d+ s/)
  assert.is((await ask(`${gateway.admin}/readyz`))[0], 200)
  const said = gateway.said()
  assert.equal([said.match(/pachd is lost/g)?.length, said.match(/pachd is back/g)?.length], [1, 1])
  await gateway.stop()
  await again.stop()
})

test('--drain-delay-seconds: after SIGTERM /readyz fails, and requests are still served', async () => {
  const gateway = await startWithAdmin(['--memory', '--drain-delay-seconds', '600'])
  gateway.child.kill('SIGTERM')
  await gateway.says(/Stopping: in 600 seconds/)
  assert.equal(await ask(`${gateway.admin}/readyz`), [503, 'draining\n'])
  assert.is((await ask(`${gateway.endpoint}/master.images`))[0], 200)
  gateway.child.kill('SIGTERM')
  assert.is((await gateway.ended).signal, 'SIGTERM')
})

test.run()
