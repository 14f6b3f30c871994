import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttp2Server, createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createPfsClient } from '../../lib/index.js'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { runProgram, startListening } from '../support/program.js'
import { fileOf } from '../support/root.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'
import { createScratch } from './scratch.js'

const test = suite('the choice of PFS')
const scratch = createScratch()
let pachd: Awaited<ReturnType<typeof servePfs>>
let address: string

test.before(async () => {
  pachd = await servePfs(createMemoryPfs({ repos: { far: { main: {} } } }), '127.0.0.1:0')
  address = `grpc://127.0.0.1:${pachd.port}`
})

test.after(async () => {
  await pachd.close()
  scratch.remove()
})

async function bucketNames(endpoint: string, token = 'any'): Promise<unknown> {
  const s3 = s3Client({ endpoint }, tokenCredentials(token))
  try {
    const { Buckets } = await s3.send(new ListBucketsCommand({}))
    return Buckets?.map(({ Name }) => Name)
  } catch (error) {
    return (error as Error).name
  } finally {
    s3.destroy()
  }
}

async function pathOfPachctlConfig(): Promise<string> {
  const contexts = { here: { pachd_address: address } }
  return scratch.file('config.json', JSON.stringify({ v2: { active_context: 'here', contexts } }))
}

test('the default is PFS in memory, with a welcome line and a sample bucket', async () => {
  const gateway = await startListening([])
  assert.match(gateway.said(), /^PFS: in memory, gone when this program ends$/m)
  assert.equal(await bucketNames(gateway.endpoint), ['master.images'])
  const { code } = await gateway.stop()
  assert.is(code, 0)
})

/** The modules that a run of the program loads, by their paths below the compiled sources. */
async function modulesOf(args: readonly string[]): Promise<readonly string[]> {
  const folder = join(scratch.folder, `modules-${args[0]}`)
  const gateway = await startListening(args, { NODE_V8_COVERAGE: folder })
  await gateway.stop()
  const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
  const urls: string[] = reports.flatMap(({ result }) => result.map(({ url }: { url: string }) => url))
  return urls.filter((url) => url.startsWith('file:')).map((url) => url.replace(/^.*\/\.compiled\//, ''))
}

test('only PFS in memory loads the entry for tests and its dependencies', async () => {
  const ofTests = (modules: readonly string[]) =>
    modules.filter((path) => path.startsWith('lib/testing/') || path.includes('/sorted-btree/'))
  const inFront = await modulesOf(['--pachd', address])
  assert.ok(inFront.includes('lib/handler.js'))
  assert.equal(ofTests(inFront), [])
  assert.ok(ofTests(await modulesOf(['--memory'])).length > 10)
})

test('--root-token activates auth in memory', async () => {
  const gateway = await startListening(['--root-token', 'the-root-token'])
  assert.equal(await bucketNames(gateway.endpoint, 'the-root-token'), ['master.images'])
  assert.is(await bucketNames(gateway.endpoint, 'another-token'), 'InvalidAccessKeyId')
  const { stdout, stderr } = await gateway.stop()
  assert.not.match(stdout + stderr, 'the-root-token')
})

test('--serve-pfs serves over gRPC the files that S3 clients wrote', async () => {
  const gateway = await startListening(['--serve-pfs', '127.0.0.1:0'])
  const served = (await gateway.says(/grpc:\/\/\S+/))[0]
  const s3 = s3Client(gateway)
  await s3.send(new PutObjectCommand({ Bucket: 'master.images', Key: 'a', Body: 'abc' }))
  s3.destroy()
  const pfs = createPfsClient(served)
  const commit = { repo: { project: 'default', name: 'images', type: 'user' }, branch: 'master' } as const
  const { sizeBytes } = await pfs.inspectFile({ commit, path: '/a' })
  pfs.close()
  assert.is(sizeBytes, 3)
  const { code } = await gateway.stop()
  assert.is(code, 0)
})

test('--pachd sets the address of pachd', async () => {
  const gateway = await startListening(['--pachd', address])
  assert.match(gateway.said(), `PFS: pachd at ${address} (--pachd), auth not active`)
  assert.equal(await bucketNames(gateway.endpoint), ['main.far'])
  const { code } = await gateway.stop()
  assert.is(code, 0)
})

test("PACHD_ADDRESS overrides pachctl's config file, --pachd overrides both", async () => {
  const PACH_CONFIG = await pathOfPachctlConfig()
  const fromConfig = await startListening([], { PACH_CONFIG })
  assert.match(fromConfig.said(), `pachd at ${address} (context "here" of ${PACH_CONFIG})`)
  await fromConfig.stop()
  const fromEnvironment = await startListening([], { PACH_CONFIG, PACHD_ADDRESS: address })
  assert.match(fromEnvironment.said(), `pachd at ${address} (PACHD_ADDRESS)`)
  await fromEnvironment.stop()
  const { stderr } = await runProgram(['--pachd', 'ftp://host'], { PACH_CONFIG, PACHD_ADDRESS: address })
  assert.match(stderr, /^pfs-s3-gateway: --pachd: .*ftp:\/\/host.*\n$/)
})

test('--memory overrides the environment', async () => {
  const gateway = await startListening(['--memory'], { PACHD_ADDRESS: address })
  assert.equal(await bucketNames(gateway.endpoint), ['master.images'])
  await gateway.stop()
})

for (const option of [
  ['--root-token', 'the-root-token'],
  ['--serve-pfs', '127.0.0.1:0'],
]) {
  test(`refused: ${option[0]} with a pachd`, async () => {
    const { code, stderr } = await runProgram(option, { PACHD_ADDRESS: address })
    const expected = `pfs-s3-gateway: ${option[0]} is for PFS in memory, but PACHD_ADDRESS names a pachd; give --memory as well\n`
    assert.equal([code, stderr], [1, expected])
  })
}

test('an unreachable pachd prints one line', async () => {
  const { code, stdout, stderr } = await runProgram(['--pachd', 'grpc://127.0.0.1:1'])
  const expected = 'pfs-s3-gateway: pachd at grpc://127.0.0.1:1 (--pachd) does not answer: nothing listens there\n'
  assert.equal([code, stdout, stderr], [1, '', expected])
})

const tls = {
  cert: readFileSync(fileOf('test/support/tls/cert.pem')),
  key: readFileSync(fileOf('test/support/tls/key.pem')),
}

for (const [mistake, createOther, scheme, reason] of [
  ['grpc to a server with TLS', () => createSecureServer(tls), 'grpc', 'it speaks TLS: use grpcs://127.0.0.1:PORT'],
  [
    'grpcs to a certificate of another authority',
    () => createSecureServer(tls),
    'grpcs',
    'its certificate comes from an authority that this machine does not trust: set NODE_EXTRA_CA_CERTS to a PEM file with that authority',
  ],
  [
    'grpcs to a server without TLS',
    () => createHttp2Server(),
    'grpcs',
    'it does not speak TLS: use grpc://127.0.0.1:PORT',
  ],
  [
    'grpcs to a server with TLS and HTTP/1',
    () => createHttpsServer(tls),
    'grpcs',
    'it speaks TLS but not HTTP/2, so it is not a gRPC server',
  ],
  [
    'grpc to an HTTP/1 server',
    () => createServer(),
    'grpc',
    "it is an HTTP/1 server, not a pachd: use pachd's gRPC port, 30650 in most clusters",
  ],
] as const) {
  test(`${mistake}: one sentence with the solution`, async () => {
    const other: NetServer = createOther().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const named = `${scheme}://127.0.0.1:${port}`
    const { code, stderr } = await runProgram(['--pachd', named])
    other.close()
    const expected = `pfs-s3-gateway: pachd at ${named} (--pachd) does not answer: ${reason.replace('PORT', String(port))}\n`
    assert.equal([code, stderr], [1, expected])
  })
}

test('an unknown host prints one line', async () => {
  const { code, stderr } = await runProgram(['--pachd', 'grpc://pachd.invalid:30650'])
  const expected =
    'pfs-s3-gateway: pachd at grpc://pachd.invalid:30650 (--pachd) does not answer: there is no such host\n'
  assert.equal([code, stderr], [1, expected])
})

test('a busy port for --serve-pfs prints one line', async () => {
  const { code, stderr } = await runProgram(['--serve-pfs', `127.0.0.1:${pachd.port}`])
  assert.equal(
    [code, stderr],
    [
      1,
      `pfs-s3-gateway: cannot serve PFS on 127.0.0.1:${pachd.port}: another program listens there
`,
    ],
  )
})

test.run()
