import { CopyObjectCommand, HeadObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PfsClient } from '../../lib/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { listed, newBucket, put, read, remove } from './versioned-bucket.js'

interface Context {
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Names of the methods that PFS was asked with since it was emptied. */
  readonly calls: string[]
}

/** Notes each call on its way to PFS. */
function watched(pfs: PfsClient, calls: string[]): PfsClient {
  return new Proxy(pfs, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...parameters: unknown[]) => {
        calls.push(String(name))
        return method.apply(target, parameters)
      }
    },
  })
}

/** The same behaviour over memory and over the wire. */
for (const overWire of [false, true]) {
  const versions = suite<Context>(`versions ${overWire ? 'over the wire' : 'in memory'}`)

  versions.before(async (context) => {
    const calls: string[] = []
    const gateway = await startGateway({ pfs: watched(createMemoryPfs(), calls), overWire })
    Object.assign(context, { gateway, s3: s3Client(gateway), calls })
  })

  versions.after(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  versions('a version that is none is named as S3 does', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.none')
    await put(s3, Bucket, 'k', 'x')
    assert.is(await refusal(read(s3, Bucket, 'k', 'f'.repeat(32))), '404 NoSuchVersion')
    assert.is(await refusal(read(s3, Bucket, 'k', 'null')), '400 InvalidArgument')
    assert.is(await refusal(read(s3, Bucket, 'k', `${'f'.repeat(32)}^`)), '400 InvalidArgument')
    assert.is(await refusal(read(s3, 'no-such.none', 'k', 'f'.repeat(32))), '404 NoSuchBucket')
    assert.is(await refusal(read(s3, 'none-at-all', 'k', 'f'.repeat(32))), '404 NoSuchBucket')
  })

  versions('a version that did not touch the key still reads', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.untouched')
    await put(s3, Bucket, 'k', 'first')
    const between = await put(s3, Bucket, 'other', 'x')
    await put(s3, Bucket, 'k', 'second')
    assert.is(await read(s3, Bucket, 'k', between), 'first')
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: between }))
    assert.is(head.VersionId, between)
    assert.is(head.ContentLength, 5)
  })

  versions('a version of another branch is no version here', async ({ s3, gateway }) => {
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

  versions('versions that a moved branch left behind are gone from it', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.moved')
    const first = await put(s3, Bucket, 'k', '1')
    const second = await put(s3, Bucket, 'k', '22')
    assert.is(await read(s3, Bucket, 'k', second), '22')
    const repo = { project: 'default', name: 'moved', type: 'user' } as const
    await gateway.pfs.createBranch({ branch: { repo, name: 'master' }, head: { repo, id: first } })
    assert.is(await refusal(read(s3, Bucket, 'k', second)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', first), '1')
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${first} 1`])
    // Where the branch was is still a bucket of its own.
    assert.is(await read(s3, `${second}.master.moved`, 'k'), '22')
  })

  versions('a read costs one call more for a version, and none without', async ({ s3, calls }) => {
    const Bucket = await newBucket(s3, 'master.cost')
    const old = await put(s3, Bucket, 'k', 'x')
    const head = await put(s3, Bucket, 'k', 'y')
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

  versions('a read asks PFS for the one path, whatever else begins as it does', async ({ s3, calls }) => {
    const Bucket = await newBucket(s3, 'master.neighbours')
    const neighbours = ['img-1 x', 'img-1!', 'img-10', 'img-1\\', 'img-1*', 'img-1?', 'img-1%', 'img-1{a,b}']
    for (const Key of neighbours) await put(s3, Bucket, Key, Key)
    assert.is(await refusal(read(s3, Bucket, 'img-1')), '404 NoSuchKey')
    await put(s3, Bucket, 'img-1', 'itself')
    calls.length = 0
    assert.is(await read(s3, Bucket, 'img-1'), 'itself')
    assert.equal(calls.toSorted(), ['getFile', 'globFile'])
    for (const Key of neighbours) assert.is(await read(s3, Bucket, Key), Key)
  })

  versions('a deleted key tells of its delete marker', async ({ s3, gateway }) => {
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

  versions('a copy is of the version that it names', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.restored')
    const first = await put(s3, Bucket, 'k', 'first')
    await remove(s3, Bucket, 'k')
    const copy = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/k?versionId=${first}` }),
    )
    assert.is(copy.CopySourceVersionId, first)
    assert.is(await read(s3, Bucket, 'k'), 'first')
  })

  versions('a branch some commits ago is a bucket that is only read', async ({ s3, gateway }) => {
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

const search = suite('the search for a delete marker')

search('keeps an answer waiting only so long', async () => {
  const pfs = createMemoryPfs()
  let started = 0
  let running = 0
  let most = 0
  const endless: PfsClient = {
    ...pfs,
    async *findCommits(_request, options) {
      started += 1
      running += 1
      most = Math.max(most, running)
      options?.signal?.addEventListener('abort', () => {
        running -= 1
      })
      yield await new Promise<never>((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
      })
    },
  }
  const gateway = await startGateway({ pfs: endless })
  try {
    const repo = { project: 'default', name: 'long', type: 'user' } as const
    await createRepoAndBranch(pfs, { repo, name: 'master' })
    const { status, headers } = await fetch(`${gateway.endpoint}/long/none`)
    assert.equal([status, headers.get('x-amz-delete-marker'), started], [404, null, 1])
    // Many at once are answered, and PFS is not asked for each.
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${gateway.endpoint}/long/none`)))
    assert.ok(answers.every((answer) => answer.status === 404))
    assert.ok(most > 0 && most <= 4, `${most}`)
  } finally {
    await gateway.close()
  }
})

search.run()
