/**
 * Every action × every role × every kind of bucket: the gateway allows a caller exactly what PFS allows the same token.
 * PFS decides what the caller may do; the result of an allowed action must be the one that root gets.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Repo } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { type Signed, signV4, type Unsigned } from '../support/sign.js'
import { type GuardedPfs, openGuardedPachd } from '../support/test-pfs.js'
import { exchange, outcomeOf, xmlText } from '../support/wire.js'
import { type Action, actions, key, type Upload } from './actions.js'

const roles = ['none', 'repoReader', 'repoWriter', 'repoOwner'] as const
const own: Repo = { project: 'default', name: 'own', type: 'user' }
const foreign: Repo = { ...own, name: 'foreign' }

interface Context {
  opened: GuardedPfs
  gateway: Gateway
  /** By role on the repo `own`; the repo `foreign` has no role bindings. */
  tokens: Readonly<Record<string, string>>
  commitId: string
  /** Valid for a second after the start of the suite. */
  expired: string
}

const matrix = suite<Context>('every action as every caller')

matrix.before(async (context) => {
  const opened = await openGuardedPachd()
  const { asRoot } = opened
  for (const repo of [own, foreign]) {
    await createRepoAndBranch(asRoot, { repo, name: 'master' })
    await asRoot.modifyFile({ repo, branch: 'master' }, [{ addFile: { path: `/${key}`, raw: Buffer.from(key) } }])
    await asRoot.inspectCommit({ commit: { repo, branch: 'master' }, wait: 'FINISHED' })
  }
  const tokens: Record<string, string> = {}
  for (const role of roles) {
    const robot = `${role}-${Date.now()}`
    tokens[role] = await asRoot.getRobotToken({ robot })
    const resource = { type: 'REPO', name: 'default/own' } as const
    if (role !== 'none') await asRoot.modifyRoleBinding({ resource, principal: `robot:${robot}`, roles: [role] })
  }
  const { head } = await asRoot.inspectBranch({ repo: own, name: 'master' })
  const gateway = await startGateway({
    opened,
    authConfig: { mode: 'pachyderm' },
    options: { objectRecords: 'all' },
  })
  const expired = await asRoot.getRobotToken({ robot: 'brief', ttlSeconds: 1 })
  Object.assign(context, { opened, gateway, tokens, commitId: head?.id ?? '', expired })
})

matrix.after(async ({ opened, gateway }) => {
  await gateway.close()
  await opened.close()
})

const signed = (request: Unsigned, token: string): Signed =>
  signV4(request, { key: { accessKeyId: token, secretAccessKey: token } })

const send = (context: Context, request: Unsigned, token: string) =>
  exchange(context.gateway.port, signed(request, token))

async function outcome(context: Context, action: Action, bucket: string, token: string): Promise<string> {
  const upload = action.endsUpload ? await freshUpload(context, bucket) : sharedUpload
  return outcomeOf(await send(context, action.request(bucket, upload), token))
}

/** The id of an upload that does not exist. */
const unknownUpload: Upload = { id: `0190a0b0c0d-${'0'.repeat(32)}`, etag: '' }
let sharedUpload = unknownUpload

/** An upload by root with one part; an unknown id if the bucket is missing. */
async function freshUpload(context: Context, bucket: string): Promise<Upload> {
  const { rootToken } = context.opened
  const target = `/${bucket}/${key}`
  const begun = await send(context, { method: 'POST', target: `${target}?uploads=` }, rootToken)
  const id = xmlText(begun, 'UploadId')
  if (id === '') return unknownUpload
  const part = { method: 'PUT', target: `${target}?partNumber=1&uploadId=${encodeURIComponent(id)}`, body: 'part' }
  const { headers } = await send(context, part, rootToken)
  return { id, etag: headers.etag ?? '' }
}

/** The permissions of a token on a repo. */
async function permissionsOn(pfs: PachydermApi, repo: Repo, authToken: string): Promise<readonly string[]> {
  const { authInfo } = await pfs.inspectRepo(repo, { authToken })
  return authInfo?.permissions ?? []
}

function expected(action: Action, permissions: readonly string[], asRoot: string): string {
  const isAllowed = action.needs === undefined || permissions.includes(action.needs)
  if (isAllowed) return asRoot
  if (action.name === 'bucket PUT') return permissions.includes('REPO_READ') ? asRoot : '409 BucketAlreadyExists'
  // S3 refuses each key for itself.
  if (action.name === 'bucket delete POST') return '200 AccessDenied'
  return action.name.endsWith('HEAD') ? '403' : '403 AccessDenied'
}

async function headsOf({ opened }: Context): Promise<readonly (string | undefined)[]> {
  const heads = [own, foreign].map((repo) => opened.asRoot.inspectBranch({ repo, name: 'master' }))
  return (await Promise.all(heads)).map(({ head }) => head?.id)
}

for (const [bucket, repo] of [
  ['master.own', own],
  ['master.foreign', foreign],
] as const) {
  matrix(`on ${bucket} each role may do what PFS permits it`, async (context) => {
    sharedUpload = await freshUpload(context, bucket)
    const asRoot = new Map<string, string>()
    for (const action of actions) {
      asRoot.set(action.name, await outcome(context, action, bucket, context.opened.rootToken))
    }
    for (const role of roles) {
      const token = context.tokens[role] ?? ''
      const permissions = await permissionsOn(context.opened.pfs, repo, token)
      const before = await headsOf(context)
      for (const action of actions) {
        const answer = await outcome(context, action, bucket, token)
        assert.is(answer, expected(action, permissions, asRoot.get(action.name) ?? ''), `${action.name} as ${role}`)
        assert.not.match(answer, /^5/, `${action.name} as ${role}`)
      }
      if (!permissions.includes('REPO_WRITE')) assert.equal(await headsOf(context), before, `${role} wrote`)
    }
  })
}

matrix('at a commit each role may read what PFS permits it, and no role may write', async (context) => {
  sharedUpload = unknownUpload
  const bucket = `${context.commitId}.master.own`
  for (const action of actions) {
    const asRoot = await outcome(context, action, bucket, context.opened.rootToken)
    if (action.isWrite) assert.is(asRoot, '405 MethodNotAllowed', action.name)
    for (const role of roles) {
      const token = context.tokens[role] ?? ''
      const permissions = await permissionsOn(context.opened.pfs, own, token)
      const answer = action.isWrite ? asRoot : expected(action, permissions, asRoot)
      assert.is(await outcome(context, action, bucket, token), answer, `${action.name} as ${role}`)
    }
  }
})

matrix('a missing repo or project is a missing bucket for everyone', async (context) => {
  sharedUpload = unknownUpload
  const { rootToken } = context.opened
  for (const bucket of ['master.nowhere', 'master.own.nowhere', 'nobranch.own']) {
    for (const action of actions) {
      if (action.name === 'service GET' || action.name === 'bucket PUT') continue
      const answer = action.name.endsWith('HEAD') ? '404' : '404 NoSuchBucket'
      for (const token of [rootToken, ...roles.map((role) => context.tokens[role] ?? '')]) {
        const mayKnow = bucket !== 'nobranch.own' || token === rootToken || (await mayRead(context, token))
        if (mayKnow) assert.is(await outcome(context, action, bucket, token), answer, `${action.name} of ${bucket}`)
      }
    }
  }
})

async function mayRead({ opened }: Context, token: string): Promise<boolean> {
  return (await permissionsOn(opened.pfs, own, token)).includes('REPO_READ')
}

matrix('callers with the right in PFS can create and delete buckets', async (context) => {
  const { asRoot } = context.opened
  for (const role of roles) {
    const token = context.tokens[role] ?? ''
    const permissions = await permissionsOn(context.opened.pfs, own, token)
    const as = (may: string, good: string) => (permissions.includes(may) ? good : '403 AccessDenied')
    const ask = async (method: string, bucket: string) =>
      outcomeOf(await send(context, { method, target: `/${bucket}` }, token))
    // Every user may create repos in the project `default`, and owns those that he has made.
    assert.is(await ask('PUT', `master.of-${role}`), '200')
    assert.is(await ask('DELETE', `master.of-${role}`), '204')
    assert.is(await ask('PUT', 'master.own.nowhere'), '400 InvalidBucketName')
    const branch = { repo: own, name: `by-${role}` }
    assert.is(await ask('PUT', `by-${role}.own`), as('REPO_CREATE_BRANCH', '200'))
    if (!permissions.includes('REPO_CREATE_BRANCH')) await asRoot.createBranch({ branch })
    assert.is(await ask('DELETE', `by-${role}.own`), as('REPO_DELETE_BRANCH', '204'))
    // With the last branch goes the repo.
    const last: Repo = { ...own, name: `last-${role}` }
    await createRepoAndBranch(asRoot, { repo: last, name: 'master' })
    const { username } = await context.opened.pfs.whoAmI({ authToken: token })
    const resource = { type: 'REPO', name: `default/last-${role}` } as const
    if (role !== 'none') await asRoot.modifyRoleBinding({ resource, principal: username, roles: [role] })
    assert.is(await ask('DELETE', `master.last-${role}`), as('REPO_DELETE', '204'))
  }
})

matrix('a token that is missing, wrong or expired is refused', async (context) => {
  sharedUpload = unknownUpload
  const { port } = context.gateway
  const { expired } = context
  await expires(context.opened.pfs, expired)
  const buckets = [
    'master.own',
    'master.foreign',
    'master.nowhere',
    'master.own.nowhere',
    `${context.commitId}.master.own`,
  ]
  const before = await headsOf(context)
  for (const bucket of buckets) {
    for (const action of actions) {
      const request = action.request(bucket, unknownUpload)
      const { headers, ...unsigned } = signed(request, 'nobody')
      const { authorization: _, ...others } = headers
      const answers = [
        outcomeOf(await exchange(port, { ...unsigned, headers: others })),
        outcomeOf(await send(context, request, 'nonsense')),
        outcomeOf(await send(context, request, expired)),
      ]
      const refusals = ['403 AccessDenied', '403 InvalidAccessKeyId', '400 ExpiredToken']
      const statuses = refusals.map((refusal) => (action.name.endsWith('HEAD') ? refusal.slice(0, 3) : refusal))
      assert.equal(answers, statuses, `${action.name} of ${bucket}`)
    }
  }
  assert.equal(await headsOf(context), before)
})

/** Waits until pachd refuses a token whose time was over long before, unless this test runs alone. */
async function expires(pfs: PachydermApi, authToken: string): Promise<void> {
  const isKnown = () =>
    pfs.whoAmI({ authToken }).then(
      () => true,
      () => false,
    )
  while (await isKnown());
}

matrix.run()
