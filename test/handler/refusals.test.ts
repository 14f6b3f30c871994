/** Errors for missing entities follow from the failed call, since the text of a refusal may be lost. */
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { Bucket, begin, complete, sendPart } from '../operations/multipart/uploads.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'

/** The same PFS, each NOT_FOUND of which has another text. */
function reworded(pfs: PachydermApi, text: string): PachydermApi {
  const reword = (error: unknown): never => {
    throw error instanceof PfsError && error.status === 'NOT_FOUND' ? new PfsError(error.status, text) : error
  }
  async function* rewordedStream(stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    try {
      yield* stream
    } catch (error) {
      reword(error)
    }
  }
  const calls = Object.entries(pfs).map(([name, call]) => {
    const answer = (...args: unknown[]): unknown => {
      const result: unknown = Reflect.apply(call, pfs, args)
      return result instanceof Promise ? result.catch(reword) : rewordedStream(result as AsyncIterable<unknown>)
    }
    return [name, answer]
  })
  return Object.fromEntries(calls) as PachydermApi
}

for (const text of ['', 'anything']) {
  const wordless = suite<{ gateway: Gateway; s3: S3Client }>(
    `a PFS that reports a missing entity as ${JSON.stringify(text)}`,
  )

  wordless.before(async (context) => {
    context.gateway = await startGateway({ pfs: reworded(createMemoryPfs(), text) })
    context.s3 = s3Client(context.gateway)
    await context.s3.send(new CreateBucketCommand({ Bucket }))
    await context.s3.send(new PutObjectCommand({ Bucket, Key: 'there', Body: 'content' }))
  })

  wordless.after(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  wordless('a missing key', async ({ s3 }) => {
    const missing = { Bucket, Key: 'missing' }
    const attributes = new GetObjectAttributesCommand({ ...missing, ObjectAttributes: ['ETag'] })
    const copy = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/missing` })
    assert.is(await refusal(s3.send(new GetObjectCommand(missing))), '404 NoSuchKey')
    assert.is(await refusal(s3.send(new HeadObjectCommand(missing))), '404 NotFound')
    assert.is(await refusal(s3.send(attributes)), '404 NoSuchKey')
    assert.is(await refusal(s3.send(copy)), '404 NoSuchKey')
    assert.is(await refusal(s3.send(new DeleteObjectCommand(missing))), 'none')
    const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'missing' }] } }))
    assert.is(Errors, undefined)
    const { KeyCount } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'missing/' }))
    assert.is(KeyCount, 0)
  })

  wordless('a missing version', async ({ s3 }) => {
    const version = { Bucket, Key: 'there', VersionId: '0'.repeat(32) }
    assert.is(await refusal(s3.send(new GetObjectCommand(version))), '404 NoSuchVersion')
    assert.is(await refusal(s3.send(new HeadObjectCommand(version))), '404 NotFound')
  })

  for (const missing of ['none.images', 'master.none', 'master.none.nowhere']) {
    wordless(`a missing bucket, ${missing}`, async ({ s3 }) => {
      const object = { Bucket: missing, Key: 'k' }
      const several = { Bucket: missing, Delete: { Objects: [{ Key: 'k' }] } }
      const answers = {
        put: await refusal(s3.send(new PutObjectCommand({ ...object, Body: 'x' }))),
        putLarge: await refusal(s3.send(new PutObjectCommand({ ...object, Body: Buffer.alloc(2_000_000) }))),
        copy: await refusal(s3.send(new CopyObjectCommand({ ...object, CopySource: `${Bucket}/there` }))),
        delete: await refusal(s3.send(new DeleteObjectCommand(object))),
        deleteEach: await refusal(s3.send(new DeleteObjectsCommand(several))),
        list: await refusal(s3.send(new ListObjectsV2Command({ Bucket: missing }))),
        versions: await refusal(s3.send(new ListObjectVersionsCommand({ Bucket: missing }))),
        uploads: await refusal(s3.send(new ListMultipartUploadsCommand({ Bucket: missing }))),
        upload: await refusal(begin(s3, 'k', { Bucket: missing })),
        deleteBucket: await refusal(s3.send(new DeleteBucketCommand({ Bucket: missing }))),
      }
      for (const [action, answer] of Object.entries(answers)) assert.is(answer, '404 NoSuchBucket', action)
      assert.is(await refusal(s3.send(new HeadBucketCommand({ Bucket: missing }))), '404 NotFound')
    })
  }

  wordless('an upload: the first of its repo, and a missing one', async ({ s3 }) => {
    const upload = await begin(s3, 'whole')
    const part = await sendPart(s3, upload, 1, 'part')
    const missing = { ...upload, UploadId: `${upload.UploadId.slice(0, -1)}x` }
    assert.is(await refusal(s3.send(new AbortMultipartUploadCommand(missing))), '404 NoSuchUpload')
    assert.is(await refusal(complete(s3, upload, [part])), 'none')
  })

  wordless.run()
}

const expired = suite('a token that expires')

expired('fails with ExpiredToken, even while the gateway has cached it', async () => {
  let now = new Date()
  const pfs = createMemoryPfs({ rootToken: 'root', now: () => now })
  const gateway = await startGateway({ pfs, authConfig: { mode: 'pachyderm' } })
  const root = s3Client(gateway, tokenCredentials('root'))
  const robot = { robot: 'brief', ttlSeconds: 60 }
  const resource = { type: 'REPO', name: 'default/images' } as const
  await root.send(new CreateBucketCommand({ Bucket }))
  await pfs.modifyRoleBinding({ resource, principal: 'robot:brief', roles: ['repoWriter'] }, { authToken: 'root' })
  const [known, unknown] = await Promise.all([1, 2].map(() => pfs.getRobotToken(robot, { authToken: 'root' })))
  const s3 = s3Client(gateway, tokenCredentials(known ?? ''))
  const stranger = s3Client(gateway, tokenCredentials(unknown ?? ''))
  try {
    const object = { Bucket, Key: 'k' }
    await s3.send(new PutObjectCommand({ ...object, Body: 'x' }))
    now = new Date(now.getTime() + 120_000)
    for (const client of [s3, stranger]) {
      const answers = {
        buckets: await refusal(client.send(new ListBucketsCommand({}))),
        get: await refusal(client.send(new GetObjectCommand(object))),
        put: await refusal(client.send(new PutObjectCommand({ ...object, Body: 'y' }))),
        putLarge: await refusal(client.send(new PutObjectCommand({ ...object, Body: Buffer.alloc(2_000_000) }))),
        delete: await refusal(client.send(new DeleteObjectCommand(object))),
        list: await refusal(client.send(new ListObjectsV2Command({ Bucket }))),
        upload: await refusal(begin(client, 'k')),
      }
      for (const [action, answer] of Object.entries(answers)) assert.is(answer, '400 ExpiredToken', action)
    }
    const several = new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k' }, { Key: 'l' }] } })
    for (const client of [s3, stranger]) assert.is(await refusal(client.send(several)), '400 ExpiredToken')
  } finally {
    for (const client of [root, s3, stranger]) client.destroy()
    await gateway.close()
  }
})

expired.run()
