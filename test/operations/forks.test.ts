import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Repo } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { openPfs, stage, type TestPfs } from '../support/test-pfs.js'
import { listed, newBucket, put, read } from './versioned-bucket.js'

interface Context {
  readonly opened: TestPfs
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Requests for the commits of user repos since it was emptied. */
  readonly lists: unknown[]
}

const forks = suite<Context>('branches that start at a commit of another one')

const repoOf = (name: string): Repo => ({ project: 'default', name, type: 'user' })

/** The time and version of an object, as HEAD and the listing of its bucket tell them. */
async function seen(s3: S3Client, Bucket: string, Key: string) {
  const { LastModified, VersionId, Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key }))
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
  const inListing = Contents.find((object) => object.Key === Key)?.LastModified
  // HTTP dates have no milliseconds.
  assert.is(Math.floor((inListing?.getTime() ?? 0) / 1000) * 1000, LastModified?.getTime())
  return { time: inListing?.getTime(), version: VersionId, metadata: Metadata }
}

forks.before(async (context) => {
  const lists: unknown[] = []
  const opened = await openPfs()
  const pfs = new Proxy(opened.pfs, {
    get(target, name: keyof PachydermApi) {
      const method = Reflect.get(target, name)
      if (name !== 'listCommit') return method
      return (...parameters: Parameters<PachydermApi['listCommit']>) => {
        if (parameters[0].repo.type === 'user') lists.push(parameters[0])
        return target.listCommit(...parameters)
      }
    },
  })
  const gateway = await startGateway({ opened, pfs })
  Object.assign(context, { opened, gateway, s3: s3Client(gateway), lists })
})

forks.after(async ({ opened, gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
  await opened.close()
})

async function putWithMetadata(s3: S3Client, Bucket: string, Key: string, metadata: string): Promise<string> {
  const { VersionId = '' } = await s3.send(
    new PutObjectCommand({ Bucket, Key, Body: Key, Metadata: { from: metadata } }),
  )
  return VersionId
}

async function fork(gateway: Gateway, repo: Repo, from: string, to: string): Promise<void> {
  await gateway.pfs.createBranch({ branch: { repo, name: to }, head: { repo, branch: from } })
}

forks('objects keep their time, version and metadata while the fork is written', async ({ s3, gateway }) => {
  const repo = repoOf('forked')
  await newBucket(s3, 'master.forked')
  const version = await putWithMetadata(s3, 'master.forked', 'a', 'master')
  await put(s3, 'master.forked', 'b', 'b')
  const before = await seen(s3, 'master.forked', 'a')
  assert.is(before.version, version)
  await fork(gateway, repo, 'master', 'dev')
  assert.equal(await seen(s3, 'dev.forked', 'a'), before)
  await put(s3, 'dev.forked', 'c', 'c')
  await put(s3, 'dev.forked', 'd', 'd')
  assert.equal(await seen(s3, 'dev.forked', 'a'), before)
  assert.is(await read(s3, 'dev.forked', 'a', version), 'a')
  const { rows } = await listed(s3, 'dev.forked', { Prefix: 'a' })
  assert.equal(rows, [`>a ${version} 1`])
  // A write to the fork is a new version, even with the same bytes.
  const own = await putWithMetadata(s3, 'dev.forked', 'a', 'master')
  assert.is((await seen(s3, 'dev.forked', 'a')).version, own)
  assert.equal(await seen(s3, 'master.forked', 'a'), before)
})

forks('later writes to the origin are not seen in the fork', async ({ s3, gateway }) => {
  const repo = repoOf('later')
  await newBucket(s3, 'master.later')
  const version = await putWithMetadata(s3, 'master.later', 'a', 'same')
  await fork(gateway, repo, 'master', 'dev')
  const again = await putWithMetadata(s3, 'master.later', 'a', 'same')
  assert.is.not(again, version)
  assert.is((await seen(s3, 'dev.later', 'a')).version, version)
  await put(s3, 'dev.later', 'other', 'x')
  assert.is((await seen(s3, 'dev.later', 'a')).version, version)
})

forks('a fork of a fork, and a branch that was moved to a fork, inherit as well', async ({ s3, gateway }) => {
  const repo = repoOf('nested')
  await newBucket(s3, 'master.nested')
  const version = await putWithMetadata(s3, 'master.nested', 'a', 'master')
  await fork(gateway, repo, 'master', 'dev')
  const other = await putWithMetadata(s3, 'dev.nested', 'b', 'dev')
  await fork(gateway, repo, 'dev', 'child')
  await put(s3, 'child.nested', 'c', 'c')
  assert.is((await seen(s3, 'child.nested', 'a')).version, version)
  assert.is((await seen(s3, 'child.nested', 'b')).version, other)
  const replaced = await put(s3, 'dev.nested', 'a', 'another content')
  await fork(gateway, repo, 'dev', 'master')
  await put(s3, 'master.nested', 'd', 'd')
  assert.is((await seen(s3, 'master.nested', 'b')).version, other)
  assert.is((await seen(s3, 'master.nested', 'a')).version, replaced)
})

forks('a branch without a common commit inherits nothing', async ({ s3, gateway }) => {
  const repo = repoOf('apart')
  await newBucket(s3, 'master.apart')
  await putWithMetadata(s3, 'master.apart', 'a', 'master')
  await newBucket(s3, 'dev.apart')
  await gateway.pfs.modifyFile({ repo, branch: 'dev' }, [{ addFile: { path: '/a', raw: Buffer.from('a') } }])
  const { commit } = await gateway.pfs.inspectCommit({ commit: { repo, branch: 'dev' }, wait: 'FINISHED' })
  assert.is((await seen(s3, 'dev.apart', 'a')).version, commit.id)
})

if (stage === 'memory') {
  forks('a fork point is looked up once, and behind it only newer commits', async ({ s3, gateway, lists }) => {
    const repo = repoOf('counted')
    await newBucket(s3, 'master.counted')
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
    await Promise.all(keys.map((key) => putWithMetadata(s3, 'master.counted', key, 'x')))
    await fork(gateway, repo, 'master', 'dev')
    for (let index = 0; index < 6; index += 1) await put(s3, 'dev.counted', `own${index}`, 'x')
    lists.splice(0)
    await Promise.all(keys.map((key) => seen(s3, 'dev.counted', key)))
    assert.ok(lists.length >= 1 && lists.length <= 3, `${lists.length} calls`)
    await put(s3, 'dev.counted', 'one-more', 'x')
    lists.splice(0)
    await Promise.all(keys.map((key) => seen(s3, 'dev.counted', key)))
    assert.is(lists.length, 1)
    lists.splice(0)
    for (const key of keys) await seen(s3, 'master.counted', key)
    assert.is(lists.length, 0)
  })
}

forks.run()
