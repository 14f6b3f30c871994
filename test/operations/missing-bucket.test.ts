import {
  CopyObjectCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGuardedGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'
import { begin } from './multipart/uploads.js'

const test = suite<{ gateway: Gateway; root: S3Client; writer: S3Client }>('a missing bucket')

test.before(async (context) => {
  const gateway = await startGuardedGateway()
  context.gateway = gateway
  context.root = s3Client(gateway, tokenCredentials(gateway.rootToken))
  context.writer = s3Client(gateway, tokenCredentials(gateway.writerToken))
  const repo = { project: 'default', name: 'images', type: 'user' } as const
  await createRepoAndBranch(gateway.pfs, { repo, name: 'master' })
})

test.after(async ({ gateway, root, writer }) => {
  root.destroy()
  writer.destroy()
  await gateway.close()
})

// pachd tells an administrator that the repo is missing, and everyone else that it has no role bindings.
for (const name of ['root', 'writer'] as const) {
  for (const Bucket of ['none.images', 'master.none', 'master.none.nowhere']) {
    test(`${Bucket}, requested by ${name}`, async (context) => {
      const s3 = context[name]
      const object = { Bucket, Key: 'k' }
      const answers: Record<string, string> = {
        get: await refusal(s3.send(new GetObjectCommand(object))),
        put: await refusal(s3.send(new PutObjectCommand({ ...object, Body: 'x' }))),
        putLarge: await refusal(s3.send(new PutObjectCommand({ ...object, Body: Buffer.alloc(2_000_000) }))),
        copy: await refusal(s3.send(new CopyObjectCommand({ ...object, Bucket: 'images', CopySource: `${Bucket}/k` }))),
        delete: await refusal(s3.send(new DeleteObjectCommand(object))),
        deleteEach: await refusal(s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k' }] } }))),
        list: await refusal(s3.send(new ListObjectsV2Command({ Bucket }))),
        versions: await refusal(s3.send(new ListObjectVersionsCommand({ Bucket }))),
        uploads: await refusal(s3.send(new ListMultipartUploadsCommand({ Bucket }))),
        upload: await refusal(begin(s3, 'k', { Bucket })),
        deleteBucket: await refusal(s3.send(new DeleteBucketCommand({ Bucket }))),
      }
      for (const [action, answer] of Object.entries(answers)) assert.is(answer, '404 NoSuchBucket', action)
      assert.is(await refusal(s3.send(new HeadBucketCommand({ Bucket }))), '404 NotFound')
    })
  }
}

test('a bucket at a missing commit', async ({ root: s3 }) => {
  const id = '0'.repeat(32)
  const Bucket = `${id}.master.images`
  const object = { Bucket, Key: 'k' }
  const answers: Record<string, string> = {
    get: await refusal(s3.send(new GetObjectCommand(object))),
    version: await refusal(s3.send(new GetObjectCommand({ ...object, VersionId: 'f'.repeat(32) }))),
    copy: await refusal(s3.send(new CopyObjectCommand({ ...object, Bucket: 'images', CopySource: `${Bucket}/k` }))),
    versions: await refusal(s3.send(new ListObjectVersionsCommand({ Bucket }))),
    uploads: await refusal(s3.send(new ListMultipartUploadsCommand({ Bucket }))),
  }
  for (const [action, answer] of Object.entries(answers)) assert.is(answer, '404 NoSuchBucket', action)
  assert.is(await refusal(s3.send(new HeadBucketCommand({ Bucket }))), '404 NotFound')
  const { name, message } = await s3.send(new ListObjectsV2Command({ Bucket })).then(
    () => new Error('listed'),
    (error: Error) => error,
  )
  assert.is(name, 'NoSuchBucket')
  assert.match(message, `PFS has no commit "${id}" on the branch "master" of a repo "images"`)
})

test.run()
