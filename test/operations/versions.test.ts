import { CopyObjectCommand, HeadObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FileOperation } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { openPfs, type TestPfs, wires } from '../support/test-pfs.js'
import { listed, newBucket, put, read, remove } from './versioned-bucket.js'

interface Context {
  readonly opened: TestPfs
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Names of the methods that PFS was asked with since it was emptied. */
  readonly calls: string[]
}

/** Notes each call about data on its way to PFS; those about records are counted elsewhere. */
function watched(pfs: PachydermApi, calls: string[]): PachydermApi {
  return new Proxy(pfs, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...parameters: unknown[]) => {
        if (!JSON.stringify(parameters[0])?.includes('"type":"meta"')) calls.push(String(name))
        return method.apply(target, parameters)
      }
    },
  })
}

/** The same behaviour over memory and over the wire. */
for (const overWire of wires) {
  const versions = suite<Context>(`versions ${overWire ? 'over the wire' : 'in memory'}`)

  versions.before(async (context) => {
    const calls: string[] = []
    const opened = await openPfs()
    const gateway = await startGateway({ opened, pfs: watched(opened.pfs, calls), overWire })
    Object.assign(context, { opened, gateway, s3: s3Client(gateway), calls })
  })

  versions.after(async ({ opened, gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
    await opened.close()
  })

  versions("an invalid version id gets S3's error", async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.none')
    await put(s3, Bucket, 'k', 'x')
    assert.is(await refusal(read(s3, Bucket, 'k', 'f'.repeat(32))), '404 NoSuchVersion')
    assert.is(await refusal(read(s3, Bucket, 'k', 'null')), '404 NoSuchVersion')
    assert.is(await refusal(s3.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: 'null' }))), '404 NotFound')
    assert.is(await refusal(read(s3, 'no-such.none', 'k', 'null')), '404 NoSuchBucket')
    assert.is(await refusal(read(s3, Bucket, 'k', `${'f'.repeat(32)}^`)), '400 InvalidArgument')
    assert.is(await refusal(read(s3, 'no-such.none', 'k', 'f'.repeat(32))), '404 NoSuchBucket')
    assert.is(await refusal(read(s3, 'none-at-all', 'k', 'f'.repeat(32))), '404 NoSuchBucket')
  })

  versions('a version that did not change the key can be read', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.untouched')
    await put(s3, Bucket, 'k', 'first')
    const between = await put(s3, Bucket, 'other', 'x')
    await put(s3, Bucket, 'k', 'second')
    assert.is(await read(s3, Bucket, 'k', between), 'first')
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: between }))
    assert.is(head.VersionId, between)
    assert.is(head.ContentLength, 5)
  })

  versions('a version of another branch does not exist here', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.foreign')
    await newBucket(s3, 'dev.foreign')
    const mine = await put(s3, Bucket, 'k', 'master')
    const theirs = await put(s3, 'dev.foreign', 'k', 'dev')
    assert.is(await refusal(read(s3, Bucket, 'k', theirs)), '404 NoSuchVersion')
    assert.is(await refusal(read(s3, 'dev.foreign', 'k', mine)), '404 NoSuchVersion')
    const copyOf = (versionId: string) =>
      s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${versionId}` }))
    assert.is(await refusal(copyOf(theirs)), '404 NoSuchVersion')
    await put(s3, Bucket, 'k', 'later')
    assert.is(await refusal(read(s3, Bucket, 'k', theirs)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', mine), 'master')
    // A branch that begins at a commit has the history of that commit.
    const repo = { project: 'default', name: 'foreign', type: 'user' } as const
    await gateway.pfs.createBranch({ branch: { repo, name: 'child' }, head: { repo, id: mine } })
    assert.is(await read(s3, 'child.foreign', 'k', mine), 'master')
  })

  versions('versions that a moved branch left behind are gone', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.moved')
    const first = await put(s3, Bucket, 'k', '1')
    const second = await put(s3, Bucket, 'k', '22')
    assert.is(await read(s3, Bucket, 'k', second), '22')
    const repo = { project: 'default', name: 'moved', type: 'user' } as const
    await gateway.pfs.createBranch({ branch: { repo, name: 'master' }, head: { repo, id: first } })
    assert.is(await refusal(read(s3, Bucket, 'k', second)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', first), '1')
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${first} 1`])
    // The old commits of the branch are still readable as a bucket.
    assert.is(await read(s3, `${second}.master.moved`, 'k'), '22')
  })

  versions('a read makes one more call with a version than without', async ({ s3, gateway, calls }) => {
    const Bucket = await newBucket(s3, 'master.cost')
    const old = await put(s3, Bucket, 'k', 'x')
    const head = await put(s3, Bucket, 'k', 'y')
    await gateway.flush()
    const callsOf = async (VersionId?: string) => {
      calls.length = 0
      await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', ...(VersionId !== undefined && { VersionId }) }))
      return calls.toSorted()
    }
    assert.equal(await callsOf(), ['globFile'])
    assert.equal(await callsOf(head), ['globFile', 'inspectCommit'])
    assert.equal(await callsOf(old), ['globFile', 'inspectCommit', 'listCommit'])
    assert.equal(await callsOf(old), ['globFile', 'inspectCommit'])
  })

  versions('a read looks up only its path, whatever other paths start with it', async ({ s3, gateway, calls }) => {
    const Bucket = await newBucket(s3, 'master.neighbours')
    const neighbours = ['img-1 x', 'img-1!', 'img-10', 'img-1\\', 'img-1*', 'img-1?', 'img-1%', 'img-1{a,b}']
    for (const Key of neighbours) await put(s3, Bucket, Key, Key)
    assert.is(await refusal(read(s3, Bucket, 'img-1')), '404 NoSuchKey')
    await put(s3, Bucket, 'img-1', 'itself')
    await gateway.flush()
    calls.length = 0
    assert.is(await read(s3, Bucket, 'img-1'), 'itself')
    assert.equal(calls.toSorted(), ['getFile', 'globFile'])
    calls.length = 0
    assert.is(await read(s3, Bucket, 'img-1'), 'itself')
    assert.equal(calls, ['globFile'], 'the bytes are kept')
    for (const Key of neighbours) assert.is(await read(s3, Bucket, Key), Key)
  })

  versions('versions of this gateway are listed without comparing all files', async ({ s3, calls }) => {
    const Bucket = await newBucket(s3, 'master.own')
    const [same, again] = [await put(s3, Bucket, 'k', 'x'), await put(s3, Bucket, 'k', 'x')]
    const [other, removed] = [await put(s3, Bucket, 'k', 'yy'), await remove(s3, Bucket, 'k')]
    await remove(s3, Bucket, 'k')
    await put(s3, Bucket, 'd/e', 'z')
    calls.length = 0
    const rows = [`k ${other} 2`, `k ${again} 1`, `k ${same} 1`, `>k ${removed} -`]
    assert.equal((await listed(s3, Bucket, { Prefix: 'k' })).rows, rows)
    // The commit with which the bucket began.
    assert.is(calls.filter((name) => name === 'diffFile').length, 1)
    calls.length = 0
    assert.equal((await listed(s3, Bucket, { Prefix: 'k' })).rows, rows)
    assert.equal(
      calls.filter((name) => name === 'diffFile' || name === 'globFile'),
      [],
    )
  })

  versions('a deleted key reports its delete marker', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.deleted')
    const written = await put(s3, Bucket, 'k', 'x')
    const removed = await remove(s3, Bucket, 'k')
    const after = await put(s3, Bucket, 'other', 'x')
    const ask = async (key: string, versionId?: string) => {
      const query = versionId === undefined ? '' : `?versionId=${versionId}`
      const { status, headers } = await fetch(`${gateway.endpoint}/${Bucket}/${key}${query}`)
      return [status, headers.get('x-amz-delete-marker'), headers.get('x-amz-version-id')]
    }
    assert.equal(await ask('k'), [404, 'true', removed])
    assert.equal(await ask('k', removed), [405, 'true', removed])
    assert.equal(await ask('k', after), [404, null, null])
    assert.equal(await ask('never'), [404, null, null])
    assert.equal(await ask('never', removed), [404, null, null])
    assert.is(await refusal(read(s3, Bucket, 'k')), '404 NoSuchKey')
    assert.is(await refusal(read(s3, Bucket, 'k', removed)), '405 MethodNotAllowed')
    assert.is(await refusal(read(s3, Bucket, 'k', after)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', written), 'x')
    const copy = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${removed}` })
    assert.is(await refusal(s3.send(copy)), '400 InvalidRequest')
  })

  versions('a copy uses the version of its source', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.restored')
    const first = await put(s3, Bucket, 'k', 'first')
    await remove(s3, Bucket, 'k')
    const copy = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/k?versionId=${first}` }),
    )
    assert.is(copy.CopySourceVersionId, first)
    assert.is(await read(s3, Bucket, 'k'), 'first')
  })

  versions('an ancestor of a branch is a read-only bucket', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.ago')
    const first = await put(s3, Bucket, 'k', 'first')
    const second = await put(s3, Bucket, 'k', 'second')
    await put(s3, Bucket, 'k', 'third')
    assert.is(await read(s3, 'master^.ago', 'k'), 'second')
    assert.is(await read(s3, 'master^2.ago', 'k'), 'first')
    assert.is(await read(s3, 'master^^.ago.default', 'k'), 'first')
    assert.is(await read(s3, 'master^.ago', 'k', first), 'first')
    assert.equal((await listed(s3, 'master^.ago')).rows, [`>k ${second} 6`, `k ${first} 5`])
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'master^2.ago' }))
    assert.equal(
      Contents?.map(({ Key, Size }) => `${Key} ${Size}`),
      ['k 5'],
    )
    assert.is(await refusal(put(s3, 'master^.ago', 'k', 'x')), '405 MethodNotAllowed')
    assert.is(await refusal(remove(s3, 'master^.ago', 'k')), '405 MethodNotAllowed')
    assert.is(await refusal(newBucket(s3, 'master^.ago')), '405 MethodNotAllowed')
    assert.is(await refusal(read(s3, 'master^9.ago', 'k')), '404 NoSuchBucket')
    assert.is(await refusal(read(s3, 'master.ago^', 'k')), '400 InvalidBucketName')
    assert.is(await fetch(`${gateway.endpoint}/master%5E2.ago/k`).then((answer) => answer.text()), 'first')
  })

  versions.run()
}

const search = suite<{ pfs: PachydermApi; calls: string[] }>('the search for a delete marker')
const longRepo = { project: 'default', name: 'long', type: 'user' } as const
const longHead = { repo: longRepo, branch: 'master' }

search.before.each(async (context) => {
  context.calls = []
  context.pfs = createMemoryPfs()
  await createRepoAndBranch(context.pfs, { repo: longRepo, name: 'master' })
})

/** A gateway that knows nothing of what others wrote. */
async function withGateway(
  { pfs, calls }: { pfs: PachydermApi; calls: string[] },
  work: (ask: (key: string, method?: string) => Promise<readonly unknown[]>) => Promise<void>,
): Promise<void> {
  const gateway = await startGateway({ pfs: watched(pfs, calls) })
  try {
    await work(async (key, method = 'GET') => {
      const { status, headers } = await fetch(`${gateway.endpoint}/long/${key}`, { method })
      return [status, headers.get('x-amz-delete-marker'), headers.get('x-amz-version-id')]
    })
  } finally {
    await gateway.close()
  }
}

/** Writes past every gateway, one commit each; the id of the last. */
async function writeElsewhere(pfs: PachydermApi, operations: readonly FileOperation[]): Promise<string> {
  let id = ''
  for (const operation of operations) {
    await pfs.modifyFile(longHead, [operation])
    id = (await pfs.inspectCommit({ commit: longHead, wait: 'FINISHED' })).commit.id ?? ''
  }
  return id
}

const added = (path: string): FileOperation => ({ addFile: { path, raw: Buffer.from('x') } })
const deleted = (path: string): FileOperation => ({ deleteFile: { path } })

search('skips deletions of a key that was already missing', async (context) => {
  await withGateway(context, async (ask) => {
    await ask('k', 'PUT')
    const [, , marker] = await ask('k', 'DELETE')
    await ask('k', 'DELETE')
    await ask('k', 'DELETE')
    assert.equal(await ask('k'), [404, 'true', marker])
  })
  // A replica that made none of the commits gets the same result.
  await writeElsewhere(context.pfs, [added('/other')])
  const [expected] = await findDeletion(context.pfs, '/k')
  await withGateway(context, async (ask) => assert.equal(await ask('k'), [404, 'true', expected]))
})

search('examines ten commits of others, however slow PFS is', async (context) => {
  const { pfs, calls } = context
  const marker = await writeElsewhere(pfs, [added('/k'), deleted('/k')])
  await writeElsewhere(
    pfs,
    Array.from({ length: 9 }, (_, index) => added(`/${index}`)),
  )
  await withGateway(context, async (ask) => {
    assert.equal(await ask('k'), [404, 'true', marker])
    await writeElsewhere(pfs, [added('/9')])
    calls.length = 0
    assert.equal(await ask('k'), [404, null, null])
    // The read itself, the head, and two calls for each commit.
    assert.is(calls.length, 1 + 1 + 2 * 10)
    // Commits of this gateway are not searched.
    await Promise.all(Array.from({ length: 5 }, (_, index) => ask(`mine-${index}`, 'PUT')))
    calls.length = 0
    assert.equal(await ask('k'), [404, null, null])
    assert.ok(calls.length <= 1 + 2 + 2 * 10, `${calls.length}`)
  })
})

search('waits if there are many searches, and gets a result', async (context) => {
  const marker = await writeElsewhere(context.pfs, [added('/k'), deleted('/k')])
  await withGateway(context, async (ask) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('k')))
    for (const answer of answers) assert.equal(answer, [404, 'true', marker])
  })
})

search('finds a deletion in an open commit, and skips failed commits', async (context) => {
  const { pfs } = context
  await writeElsewhere(pfs, [added('/k')])
  const broken = await pfs.startCommit({ branch: { repo: longRepo, name: 'master' } })
  await pfs.finishCommit({ commit: broken, error: 'broken' })
  await withGateway(context, async (ask) => {
    const { id } = await pfs.startCommit({ branch: { repo: longRepo, name: 'master' } })
    await pfs.modifyFile(longHead, [deleted('/k')])
    assert.equal(await ask('k'), [404, 'true', id])
  })
})

/** The commits that removed a path, newest first, as PFS tells them. */
async function findDeletion(pfs: PachydermApi, path: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { commit } of pfs.listCommit({ repo: longRepo, to: longHead })) {
    for await (const { newFile, oldFile } of pfs.diffFile({ newFile: { commit, path } })) {
      if (newFile === undefined && oldFile !== undefined) ids.push(commit.id ?? '')
    }
  }
  return ids
}

search.run()
