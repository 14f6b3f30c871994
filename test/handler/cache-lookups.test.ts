/** Look-ups in the caches, as the channel `pfs-s3-gateway:cache` publishes them. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CacheMessage } from '../../lib/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { fileOf } from '../support/root.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'

const test = suite('look-ups in caches')
const Bucket = 'master.images'

test('each cache of docs/architecture.md reports its hits and its misses', async () => {
  const seen = new Set<string>()
  const note = (message: unknown) => {
    const { cache, isHit } = message as CacheMessage
    seen.add(`${cache} ${isHit ? 'hit' : 'miss'}`)
  }
  subscribe('pfs-s3-gateway:cache', note)
  const pfs = createMemoryPfs({ rootToken: 'root', repos: { images: { master: { 'of-pachctl': 'text' } } } })
  const [own, other] = [await start(), await start()]
  const { s3 } = own
  const get = async (Key: string, VersionId?: string) =>
    (await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }))).Body?.transformToString()
  const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body: `the content of ${Key}` }))

  // The second write guesses that the head is still the commit of the first.
  const { VersionId = '' } = await put('d/a')
  await put('d/a')
  await Promise.all(['d/b', 'd/c', 'd/d', 'd/e'].map(put))
  await own.flush()
  await readEach(other.s3)
  await readEach(other.s3)
  // Reads that arrive in the same turn of the event loop share a range; their number makes that likely, not certain.
  while (!seen.has('ranges hit')) await Promise.all(Array.from({ length: 5 }, () => readEach(other.s3)))

  // The third page, at the gateway that has searched the ranges of those before, and at another.
  await Promise.all(['é', 'é1', 'é2'].map(put))
  const page = { Bucket, MaxKeys: 1, Prefix: 'é' }
  const first = await s3.send(new ListObjectsV2Command(page))
  const second = await s3.send(new ListObjectsV2Command({ ...page, ContinuationToken: first.NextContinuationToken }))
  const third = { ...page, ContinuationToken: second.NextContinuationToken }
  for (const client of [s3, other.s3]) await client.send(new ListObjectsV2Command(third))
  await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'd/' }))
  for (const key of ['d/b', 'd/b', 'd/c', 'of-pachctl']) await get(key)
  for (let turn = 0; turn < 2; turn++) await get('d/a', VersionId)
  for (let turn = 0; turn < 2; turn++) await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'd/a' }))

  const repo = { project: 'default', name: 'images', type: 'user' } as const
  await pfs.createBranch({ branch: { repo, name: 'fork' }, head: { repo, branch: 'master' } }, { authToken: 'root' })
  for (let turn = 0; turn < 2; turn++) await s3.send(new HeadObjectCommand({ Bucket: 'fork.images', Key: 'd/a' }))

  const authToken = 'root'
  const commit = await pfs.startCommit({ branch: { repo, name: 'fork' } }, { authToken })
  await s3.send(new PutObjectCommand({ Bucket: 'fork.images', Key: 'open', Body: 'written in an open commit' }))
  await pfs.finishCommit({ commit }, { authToken })
  for (let turn = 0; turn < 2; turn++) await s3.send(new HeadObjectCommand({ Bucket: 'fork.images', Key: 'open' }))

  // The second part is in another process's memory.
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }))
  const part = { Bucket, Key: 'parts', UploadId, Body: Buffer.alloc(5 * 1024 * 1024) }
  const Parts = [
    { ...(await s3.send(new UploadPartCommand({ ...part, PartNumber: 1 }))), PartNumber: 1 },
    { ...(await other.s3.send(new UploadPartCommand({ ...part, PartNumber: 2 }))), PartNumber: 2 },
  ]
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'parts', UploadId, MultipartUpload: { Parts } }))

  await own.close()
  await other.close()
  unsubscribe('pfs-s3-gateway:cache', note)
  const expected = documentedNames().flatMap((name) => [`${name} hit`, `${name} miss`])
  assert.equal([...seen].toSorted(), expected.toSorted())

  async function start() {
    const gateway = await startGateway({ pfs, authConfig: { mode: 'pachyderm' } })
    const client = s3Client(gateway, tokenCredentials('root'))
    const close = async () => {
      client.destroy()
      await gateway.close()
    }
    return { s3: client, flush: gateway.flush, close }
  }
})

/** Reads objects of a directory together, whose records another gateway has written. */
async function readEach(s3: S3Client): Promise<void> {
  const keys = ['d/a', 'd/b', 'd/c', 'd/d', 'd/e']
  await Promise.all(keys.map((Key) => s3.send(new HeadObjectCommand({ Bucket, Key }))))
}

/** The names in the table of caches. */
function documentedNames(): readonly string[] {
  const rows = readFileSync(fileOf('docs/architecture.md'), 'utf8').split('\n')
  const table = rows.slice(rows.findIndex((row) => row.startsWith('| Name | Cache |')))
  return table
    .filter((row) => row.startsWith('| `'))
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name))
}

test.run()
