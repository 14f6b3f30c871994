import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, servePfs } from '../../lib/testing/index.js'
import { runProgram, startListening } from '../support/program.js'
import { root } from '../support/root.js'
import { createScratch } from './scratch.js'

const test = suite('doctor, presign and keys')
const scratch = createScratch()
test.after(() => scratch.remove())

async function startPfs(args: readonly string[] = []) {
  const served = await startListening(['--memory', '--serve-pfs', '127.0.0.1:0', ...args])
  const [pachd] = await served.says(/grpc:\/\/\S+/)
  return { ...served, pachd }
}

/** The lines of `doctor`, by their first word, without times. */
async function doctor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await runProgram(['doctor', ...args], env)
  assert.is(stderr, '')
  const steps = (kind: string) =>
    [...stdout.matchAll(new RegExp(`^${kind} +(.*)$`, 'gm'))].map(([, text = '']) => text.replace(/ in \d+ ms$/, ''))
  return { code, ok: steps('ok'), failed: steps('FAILED'), skipped: steps('skipped'), stdout }
}

test('doctor: every step passes with a valid token, and nothing is left in the bucket', async () => {
  const served = await startPfs(['--root-token', 'the-root-token'])
  const args = ['--pachd', served.pachd, '--bucket', 'master.images', '--endpoint', served.endpoint]
  const { code, ok, failed, stdout } = await doctor(args, { PACH_TOKEN: 'the-root-token' })
  assert.equal([code, failed], [0, []])
  for (const text of [
    `pachd at ${served.pachd} (--pachd) answers`,
    'auth is active; the token is that of pach:root and does not expire',
    'list bucket master.images',
    'put an object',
    'pach:root has on repo images of project default: clusterAdmin, repoOwner',
    'get it',
    'put it again, with metadata',
    'the clock of pachd and that of this machine agree',
    'delete it',
    `a gateway answers at ${served.endpoint}`,
  ]) {
    assert.ok(ok.includes(text), `${text} in\n${stdout}`)
  }
  assert.not.match(stdout, 'the-root-token')
  const again = await doctor(['--pachd', served.pachd], { PACH_TOKEN: 'wrong-token' })
  assert.is(again.code, 1)
  assert.match(again.failed[0] ?? '', /^Pachyderm does not accept the token: /)
  assert.match(again.stdout, 'pachctl auth get-auth-token')
  assert.equal((await doctor(['--pachd', served.pachd])).failed, [
    'auth is active in Pachyderm, and there is no token to check',
  ])
  await served.stop()
})

/** A PFS with auth whose repo `images` in project `lab` a robot may use with these roles. */
async function servedLab(roles: readonly string[]) {
  const pfs = createMemoryPfs({ rootToken: 'root' })
  const asRoot = { authToken: 'root' }
  const repo = { project: 'lab', name: 'images', type: 'user' } as const
  await pfs.createProject({ project: 'lab' }, asRoot)
  await pfs.createRepo({ repo }, asRoot)
  await pfs.createBranch({ branch: { repo, name: 'master' } }, asRoot)
  const token = await pfs.getRobotToken({ robot: 'tester' }, asRoot)
  const resource = { type: 'REPO', name: 'lab/images' } as const
  await pfs.modifyRoleBinding({ resource, principal: 'robot:tester', roles }, asRoot)
  const served = await servePfs(pfs, '127.0.0.1:0')
  const examine = () => doctor(['--pachd', served.address, '--bucket', 'master.images.lab'], { PACH_TOKEN: token })
  return { pfs, repo, served, examine }
}

test('doctor: names the missing right to create the meta repo, and no missing role on the repo', async () => {
  const { pfs, repo, served, examine } = await servedLab(['repoWriter'])
  const { ok, failed, stdout } = await examine()
  assert.ok(ok.includes('robot:tester has on repo images of project lab: repoWriter'), stdout)
  assert.equal([ok.includes('put an object'), ok.includes('delete it')], [true, true], stdout)
  assert.is(failed.length, 1, stdout)
  assert.match(failed[0] ?? '', /^put it again, with metadata: AccessDenied, .* you may not create repos/)
  assert.match(stdout, 'pachctl auth set project lab projectWriter robot:tester')
  assert.not.match(stdout, 'repoWriter robot:tester')
  await pfs.createRepo({ repo: { ...repo, type: 'meta' } }, { authToken: 'root' })
  assert.equal((await examine()).failed, [])
  await served.close()
})

for (const [roles, failure] of [
  [[], 'robot:tester has no role on repo images of project lab'],
  [['repoReader'], 'put an object: AccessDenied, Access Denied'],
] as const) {
  test(`doctor: a user with the roles [${roles}] on the repo gets the command for the missing role`, async () => {
    const { served, examine } = await servedLab(roles)
    const { failed, stdout } = await examine()
    assert.equal(failed, [failure], stdout)
    assert.match(stdout, 'pachctl auth set repo images repoWriter robot:tester --project lab')
    await served.close()
  })
}

test('doctor: failures, each with a remedy', async () => {
  const served = await startPfs()
  const missing = await doctor(['--pachd', served.pachd, '--bucket', 'images.master'])
  assert.is(missing.code, 1)
  assert.match(
    missing.failed[0] ?? '',
    /^list bucket images\.master: NoSuchBucket, .*branch "images" of a repo "master"/,
  )
  assert.match(missing.stdout, 'a bucket is BRANCH.REPO')
  await served.stop()
  const away = await doctor(['--pachd', served.pachd, '--endpoint', served.endpoint])
  assert.equal(away.failed, [
    `pachd at ${served.pachd} (--pachd) does not answer: nothing listens there`,
    `${served.endpoint} does not answer: nothing listens there`,
  ])
  // fetch would refuse this port.
  const { failed } = await doctor(['--memory', '--endpoint', 'http://127.0.0.1:1'])
  assert.equal(failed, ['http://127.0.0.1:1 does not answer: nothing listens there'])
  const here = await doctor(['--memory', '--bucket', 'master.images'])
  assert.match(here.skipped[1] ?? '', /^reading and writing master\.images: .* start that with --serve-pfs/)
  const nothing = await doctor([])
  assert.equal(nothing.failed, ['no pachd is configured, so the gateway would serve PFS in memory'])
})

test('doctor: a certificate with the key of another', async () => {
  const certificate = join(root, 'test/support/tls/cert.pem')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const other = scratch.file('other.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const { failed, ok } = await doctor(['--memory', '--tls-cert', certificate, '--tls-key', other])
  assert.equal(failed, [`the private key ${other} does not belong to it`])
  assert.ok(ok.some((text) => text.startsWith(`the certificate ${certificate} is valid until`)))
})

test('keys: adds keys with generated secrets, lists them without secrets, removes all but the last', async () => {
  const file = join(scratch.file('place', ''), '..', 'made.json')
  const first = await runProgram(['keys', 'add', file, 'ETL'], { PACH_TOKEN: 'the-root-token' })
  const second = await runProgram(['keys', 'add', file])
  const secrets = [first, second].map(({ code, stdout }) => {
    assert.is(code, 0)
    return /^AWS_ACCESS_KEY_ID=\w+\nAWS_SECRET_ACCESS_KEY=([\w-]{40})\n$/.exec(stdout)?.[1]
  })
  assert.is.not(secrets[0], secrets[1])
  assert.match(second.stderr, 'PACH_TOKEN is not set')
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).ETL, {
    secretAccessKey: secrets[0],
    authToken: 'the-root-token',
  })
  const { stdout } = await runProgram(['keys', 'list', file])
  assert.match(stdout, /^ETL\tacts with a Pachyderm token\nPFS[0-9A-F]{17}\tno Pachyderm token\n$/)
  const twice = await runProgram(['keys', 'add', file, 'ETL'])
  assert.match(twice.stderr, /^pfs-s3-gateway: the keys file \S+ already has ETL; remove it first/)
  assert.is((await runProgram(['keys', 'remove', file, 'ETL'])).code, 0)
  const id = /^PFS\w+/.exec((await runProgram(['keys', 'list', file])).stdout)?.[0] ?? ''
  const last = await runProgram(['keys', 'remove', file, id])
  assert.equal(
    [last.code, last.stderr],
    [1, `pfs-s3-gateway: ${id} is the only access key of ${file}; add another one first\n`],
  )
  assert.is(existsSync(`${file}.new`), false)
})

test('presign: a URL with a key of a keys file writes and reads one object, until it expires', async () => {
  const keys = scratch.file('presign.json', '{"AK": {"secretAccessKey": "secret-of-ak"}}')
  const gateway = await startListening(['--memory', '--auth', `keys:${keys}`])
  const env = { AWS_ACCESS_KEY_ID: 'AK', AWS_SECRET_ACCESS_KEY: 'secret-of-ak' }
  const urlOf = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await runProgram(['presign', ...words, '--endpoint', gateway.endpoint], env)
    assert.equal([code, stderr], [0, ''])
    return stdout.trim()
  }
  const key = "master.images/a b/ü+(1)!*'.txt"
  const put = await fetch(await urlOf(key, '--method', 'PUT'), { method: 'PUT', body: 'content' })
  const versionId = put.headers.get('x-amz-version-id') ?? ''
  assert.is(put.status, 200, await put.text())
  assert.is(await (await fetch(await urlOf(key))).text(), 'content')
  assert.is(await (await fetch(await urlOf(key, '--version-id', versionId, '--expires', '60'))).text(), 'content')
  const other = (await urlOf(key)).replace('/master.images/', '/master.others/')
  assert.match(await (await fetch(other)).text(), 'SignatureDoesNotMatch')
  await gateway.stop()
})

for (const [words, env, told] of [
  [['presign'], {}, 'presign takes one BUCKET/KEY, such as master.images/a.txt; see presign --help'],
  [['presign', 'bucket'], {}, 'presign takes one BUCKET/KEY, such as master.images/a.txt; see presign --help'],
  [['presign', 'b/k'], {}, 'presign needs --endpoint URL, where clients reach the gateway; see presign --help'],
  ...['b/../other/k', '../b/k', 'b/./k', 'b/k/..'].map(
    (key) =>
      [
        ['presign', key, '--endpoint', 'http://h'],
        {},
        'presign takes no key with a segment . or .., which clients resolve: the URL would name another object',
      ] as const,
  ),
  [
    ['presign', 'b/k', '--endpoint', 'ftp://h'],
    {},
    '--endpoint takes a URL such as https://s3.example.com, not "ftp://h"',
  ],
  [['presign', 'b/k', '--endpoint', 'http://h'], {}, 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or PACH_TOKEN'],
  [['presign', 'b/k', '--expires', '-5'], {}, '--expires takes a number of seconds from 1 to 604800, not "-5"'],
  [['presign', 'b/k', '--expires', '0'], {}, '--expires takes a number of seconds from 1 to 604800, not "0"'],
  [['presign', 'b/k', '--method', 'POST'], {}, '--method takes GET, HEAD, PUT or DELETE, not "POST"'],
  [['presign', '--nonsense'], {}, "Unknown option '--nonsense'; see presign --help"],
  [['presign', 'b/k', '--enpoint', 'http://h'], {}, "Unknown option '--enpoint'; did you mean --endpoint?"],
  [['keys'], {}, 'keys needs add, list or remove; see keys --help'],
  [['keys', 'ad', 'k.json'], {}, 'keys takes add, list or remove, not "ad"; see keys --help'],
  [['keys', '--lst'], {}, "Unknown option '--lst'; see keys --help"],
  [['keys', 'add'], {}, 'keys add needs the keys file; see keys --help'],
  [
    ['keys', 'add', '/no/such/dir/keys.json'],
    {},
    'cannot write the keys file /no/such/dir/keys.json: its directory is missing',
  ],
  [['keys', 'add', 'k.json', 'a b'], {}, 'an access key has 3 to 128 letters, digits and underscores, not "a b"'],
  [['doctor', '--bucket'], {}, '--bucket needs a value'],
  [['doctor', '--buket', 'b'], {}, "Unknown option '--buket'; did you mean --bucket?"],
  [['doctor', 'images'], {}, "Unexpected argument 'images'; see doctor --help"],
  [
    ['doctor', '--memory', '--base-path', 's3'],
    {},
    '--base-path must look like "/s3", without a trailing slash; it is "s3"',
  ],
  [['doctor', '--endpoint', 'here'], {}, '--endpoint takes a URL such as https://s3.example.com, not "here"'],
] as const) {
  test(`refused: ${words.join(' ')}`, async () => {
    const { code, stdout, stderr } = await runProgram(words, env)
    assert.equal([code, stdout, stderr], [1, '', `pfs-s3-gateway: ${told}\n`])
  })
}

for (const command of ['doctor', 'presign', 'keys']) {
  test(`${command} --help prints how to use it`, async () => {
    const { code, stdout, stderr } = await runProgram([command, '--help'])
    assert.equal([code, stderr], [0, ''])
    assert.match(stdout, new RegExp(`^Usage: pfs-s3-gateway ${command} `))
  })
}

test.run()
