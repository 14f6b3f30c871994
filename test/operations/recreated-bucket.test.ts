import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.again'
const object = { Bucket, Key: 'k' }

interface Started {
  readonly gateway: Gateway
  readonly s3: S3Client
  readonly errors: unknown[]
}

/** `other` does not see how `one` deletes the bucket and creates it again. */
const recreated = suite<{
  one: Started
  other: Started
  truth: PachydermApi
  calls: string[]
  start: () => Promise<Started>
}>('a bucket that another gateway deletes and creates again')

recreated.before.each(async (context) => {
  const truth = createMemoryPfs()
  const calls: string[] = []
  const pfs = new Proxy(truth, {
    get: (target, name: keyof PachydermApi) => {
      calls.push(name)
      return target[name]
    },
  })
  const started: Started[] = []
  const start = async (): Promise<Started> => {
    const errors: unknown[] = []
    const gateway = await startGateway({ pfs, options: { onError: (error) => errors.push(error) } })
    started.push({ gateway, s3: s3Client(gateway), errors })
    return started.at(-1) as Started
  }
  Object.assign(context, { one: await start(), other: await start(), truth, calls, start, started })
  await context.one.s3.send(new CreateBucketCommand({ Bucket }))
})

recreated.after.each(async (context) => {
  for (const { gateway, s3 } of (context as unknown as { started: readonly Started[] }).started) {
    s3.destroy()
    await gateway.close()
  }
})

const put = ({ s3 }: Started, Metadata?: Record<string, string>) =>
  s3.send(new PutObjectCommand({ ...object, Body: 'same bytes', ...(Metadata && { Metadata }) }))
const head = ({ s3 }: Started) => s3.send(new HeadObjectCommand(object))

async function deleteBucket({ s3 }: Started): Promise<void> {
  await s3.send(new DeleteObjectCommand(object))
  await s3.send(new DeleteBucketCommand({ Bucket }))
}

async function deleteAndCreate(started: Started): Promise<void> {
  await deleteBucket(started)
  await started.s3.send(new CreateBucketCommand({ Bucket }))
}

for (const Metadata of [{ v: 'new' }, undefined]) {
  recreated(`has no old record there, ${Metadata ? 'with' : 'without'} new metadata`, async ({ one, other }) => {
    await put(one, { v: 'old' })
    assert.equal((await head(other)).Metadata, { v: 'old' })
    await deleteAndCreate(one)
    const { VersionId, ETag } = await put(one, Metadata)
    await one.gateway.flush()
    const found = await head(other)
    assert.equal([found.Metadata, found.VersionId, found.ETag], [Metadata ?? {}, VersionId, ETag])
    const { Contents } = await other.s3.send(new ListObjectsV2Command({ Bucket }))
    assert.is(Number(Contents?.[0]?.LastModified?.setMilliseconds(0)), Number(found.LastModified))
  })
}

recreated('has no old record in a listing there', async ({ one, other }) => {
  const list = async ({ s3 }: Started) => (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents
  await put(one)
  await one.gateway.flush()
  await list(other)
  await deleteAndCreate(one)
  await put(one)
  await one.gateway.flush()
  assert.equal(await list(other), await list(one))
})

recreated('gets no version from the write-behind of the old one', async ({ one, other, start }) => {
  await put(other)
  await deleteAndCreate(one)
  const { VersionId } = await put(one)
  await one.gateway.flush()
  await other.gateway.flush()
  const third = await start()
  assert.is((await head(third)).VersionId, VersionId)
  const { Versions = [] } = await third.s3.send(new ListObjectVersionsCommand({ Bucket }))
  assert.equal(
    Versions.map((version) => version.VersionId),
    [VersionId],
  )
  assert.is(other.errors.length, 1)
  assert.match(String(other.errors[0]), 'again')
})

recreated('keeps what is new in the write-behind beside what is old', async ({ one, other, start }) => {
  await put(other)
  await deleteAndCreate(one)
  const { VersionId, ETag } = await put(other)
  await other.gateway.flush()
  const found = await head(await start())
  assert.equal([found.VersionId, found.ETag], [VersionId, ETag])
})

recreated('is not waited for if it is only deleted', async ({ one, other, calls }) => {
  await put(other)
  await deleteBucket(one)
  await other.gateway.flush()
  assert.is(other.errors.length, 1)
  calls.length = 0
  await other.gateway.flush()
  assert.equal([calls, other.errors.length], [[], 1])
})

/** Reads by a gateway that has just looked at the records branch. */
const reads: Readonly<Record<string, (s3: S3Client) => Promise<unknown>>> = {
  'lists objects': (s3) => s3.send(new ListObjectsV2Command({ Bucket })),
  'lists versions': (s3) => s3.send(new ListObjectVersionsCommand({ Bucket })),
}

for (const [name, read] of Object.entries(reads)) {
  for (const isRepo of [true, false]) {
    recreated(`${name} at once, after ${isRepo ? 'that' : 'only its records were deleted'}`, async (context) => {
      const { one, other, truth } = context
      const repo = { project: 'default', name: 'again' } as const
      const user = { ...repo, type: 'user' } as const
      await put(one, { v: 'old' })
      await one.s3.send(new PutObjectCommand({ Bucket, Key: 'd/', Body: '' }))
      await one.gateway.flush()
      await other.s3.send(new ListObjectsV2Command({ Bucket }))
      if (isRepo) {
        await truth.deleteRepo({ repo: user, force: true })
        await createRepoAndBranch(truth, { repo: user, name: 'master' })
      } else await truth.deleteBranch({ branch: { repo: { ...repo, type: 'meta' }, name: 's3-records' } })
      await read(other.s3)
    })
  }
}

recreated.run()
