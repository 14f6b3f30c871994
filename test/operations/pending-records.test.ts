import { createHash, randomBytes } from 'node:crypto'
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ResponseLog, sweepUploads } from '../../lib/index.js'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { complete, partBytes, sendPart } from './multipart/uploads.js'

const Bucket = 'master.pending'
const records = { repo: { project: 'default', name: 'pending', type: 'meta' }, branch: 's3-records' } as const

const pending = suite<{ pfs: PachydermApi; gateway: Gateway; s3: S3Client; other: Gateway; otherS3: S3Client }>(
  'records that a crash left pending',
)

/** The second gateway is the one that goes on after the first has crashed. */
pending.before.each(async (context) => {
  context.pfs = createMemoryPfs()
  context.gateway = await startGateway({ pfs: context.pfs })
  context.s3 = s3Client(context.gateway)
  context.other = await startGateway({ pfs: context.pfs })
  context.otherS3 = s3Client(context.other)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

pending.after.each(async ({ gateway, s3, other, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  await other.close()
  await gateway.close()
})

async function recordPaths(pfs: PachydermApi): Promise<string[]> {
  const paths: string[] = []
  for await (const { file } of pfs.globFile({ commit: records, pattern: '/objects/**' })) {
    if (!file.path.endsWith('/')) paths.push(file.path)
  }
  return paths
}

/** Puts the records back to what they are between the commit of the data and that of the record, long ago. */
async function crash(pfs: PachydermApi): Promise<void> {
  for (const path of await recordPaths(pfs)) {
    const src = { commit: records, path }
    const dst = `${path.slice(0, path.lastIndexOf('/'))}/pending-${'0'.repeat(11)}${randomBytes(16).toString('hex').slice(11)}`
    await pfs.modifyFile(records, [{ copyFile: { dst, src } }])
    await pfs.modifyFile(records, [{ deleteFile: { path } }])
  }
}

const sweep = (pfs: PachydermApi) => sweepUploads(pfs, { olderThanMilliseconds: 3_600_000 })

pending('are given to the content that they describe, by its MD5', async ({ pfs, gateway, s3, otherS3 }) => {
  const Body = randomBytes(1_500_000)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'large', Body, Metadata: { a: 'b' } }))
  await gateway.flush()
  await crash(pfs)
  const swept = await sweep(pfs)
  assert.is(swept.files, 1)
  const { ETag, Metadata } = await otherS3.send(new HeadObjectCommand({ Bucket, Key: 'large' }))
  assert.equal([ETag, Metadata], [`"${createHash('md5').update(Body).digest('hex')}"`, { a: 'b' }])
  assert.equal((await sweep(pfs)).files, 0)
})

pending('of uploads are known by their composite ETag', async ({ pfs, gateway, s3, otherS3 }) => {
  const Key = 'parts'
  const { UploadId = '' } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'a/b' }))
  const upload = { Bucket, Key, UploadId }
  const parts = [await sendPart(s3, upload, 1, randomBytes(partBytes)), await sendPart(s3, upload, 3, 'end')]
  const done = await complete(s3, upload, parts)
  await gateway.flush()
  await crash(pfs)
  await sweep(pfs)
  const { ETag, ContentType, PartsCount } = await otherS3.send(new HeadObjectCommand({ Bucket, Key, PartNumber: 1 }))
  assert.equal([ETag, ContentType, PartsCount], [done.ETag, 'a/b', 2])
})

pending('are deleted if the key has other bytes, even of the same size', async ({ pfs, gateway, s3, otherS3 }) => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: Buffer.alloc(1_500_000, 'a'), Metadata: { a: 'b' } }))
  await gateway.flush()
  await crash(pfs)
  const user = { repo: { ...records.repo, type: 'user' }, branch: 'master' } as const
  const raw = Buffer.alloc(1_500_000, 'b')
  await pfs.modifyFile(user, [{ deleteFile: { path: '/k' } }, { addFile: { path: '/k', raw } }])
  assert.is((await sweep(pfs)).files, 1)
  assert.equal((await otherS3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).Metadata, {})
  assert.equal(await recordPaths(pfs), [])
})

pending('are deleted unread if they are larger than a record that is served', async ({ pfs, gateway, s3 }) => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: Buffer.alloc(1_500_000, 'a'), Metadata: { a: 'b' } }))
  await gateway.flush()
  await crash(pfs)
  for (const path of await recordPaths(pfs)) {
    const raw = Buffer.from(`${JSON.stringify({ format: 1, unknown: 'x'.repeat(3_000_000) })}\n`)
    await pfs.modifyFile(records, [{ addFile: { path, raw } }])
  }
  const read: (string | undefined)[] = []
  const watched: PachydermApi = {
    ...pfs,
    getFile: (request, options) => {
      read.push(request.file.path)
      return pfs.getFile(request, options)
    },
  }
  assert.is((await sweep(watched)).files, 1)
  assert.equal([read, await recordPaths(pfs)], [[], []])
})

pending('do not stay behind a write that is refused', async ({ pfs, gateway, s3 }) => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))
  const Body = Buffer.alloc(1_500_000, 'a')
  const refused = s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body, Metadata: { a: 'b' }, IfNoneMatch: '*' }))
  assert.is(await refusal(refused), '412 PreconditionFailed')
  await gateway.flush()
  assert.equal(
    (await recordPaths(pfs)).filter((path) => path.includes('pending-')),
    [],
  )
})

pending('do not stay behind a write whose client leaves before its turn', async ({ pfs }) => {
  const [isHeld, isReleased, isRecorded, hasLeft] = [deferred(), deferred(), deferred(), deferred()]
  const slow: PachydermApi = {
    ...pfs,
    async modifyFile(commit, operations, options) {
      const isRecord = commit.repo.type === 'meta'
      if (!isRecord) {
        isHeld.resolve()
        await isReleased.promise
      }
      await pfs.modifyFile(commit, operations, options)
      if (isRecord) isRecorded.resolve()
    },
  }
  const onResponse = ({ status }: ResponseLog) => {
    if (status === 499) hasLeft.resolve()
  }
  const gateway = await startGateway({ pfs: slow, options: { onResponse } })
  const s3 = s3Client(gateway)
  const first = s3.send(new PutObjectCommand({ Bucket, Key: 'first', Body: 'x' }))
  await isHeld.promise
  const client = new AbortController()
  const second = new PutObjectCommand({ Bucket, Key: 'k', Body: Buffer.alloc(1_500_000, 'a'), Metadata: { a: 'b' } })
  const aborted = s3.send(second, { abortSignal: client.signal }).catch(() => undefined)
  await isRecorded.promise
  assert.is((await recordPaths(pfs)).filter((path) => path.includes('pending-')).length, 1)
  client.abort()
  await Promise.all([aborted, hasLeft.promise])
  isReleased.resolve()
  await first
  await gateway.flush()
  assert.equal(
    (await recordPaths(pfs)).filter((path) => path.includes('pending-')),
    [],
  )
  s3.destroy()
  await gateway.close()
})

pending.run()
