import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.attributes'
const attributes = suite<{ gateway: Gateway; s3: S3Client }>('attributes and parts of an object')

attributes.before(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

attributes.after(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

const put = (s3: S3Client, Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket, Key, Body }))

attributes('supported attributes are returned, others are ignored', async ({ s3 }) => {
  const first = await put(s3, 'k', 'hello')
  await put(s3, 'k', 'later')
  const { $metadata, LastModified, ...told } = await s3.send(
    new GetObjectAttributesCommand({
      Bucket,
      Key: 'k',
      VersionId: first.VersionId,
      ObjectAttributes: ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'],
    }),
  )
  assert.equal(told, {
    ETag: first.ETag?.replaceAll('"', ''),
    Checksum: { ChecksumCRC32: 'NhCmhg==', ChecksumType: 'FULL_OBJECT' },
    ObjectSize: 5,
    StorageClass: 'STANDARD',
    VersionId: first.VersionId,
  })
  assert.instance(LastModified, Date)
  const size = new GetObjectAttributesCommand({ Bucket, Key: 'k', ObjectAttributes: ['ObjectSize'] })
  assert.is((await s3.send(size)).ETag, undefined)
})

attributes('attributes must be named, and the object must exist', async ({ s3, gateway }) => {
  const { VersionId } = await put(s3, 'gone', 'x')
  const removed = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }))
  const ask = (version?: string) =>
    refusal(
      s3.send(
        new GetObjectAttributesCommand({
          Bucket,
          Key: 'gone',
          ObjectAttributes: ['ETag'],
          ...(version !== undefined && { VersionId: version }),
        }),
      ),
    )
  assert.is(await ask(), '404 NoSuchKey')
  assert.is(await ask(removed.VersionId), '405 MethodNotAllowed')
  assert.is(await ask(VersionId), 'none')
  const nothing = await fetch(`${gateway.endpoint}/${Bucket}/k?attributes`)
  assert.match(await nothing.text(), '<Code>InvalidRequest</Code>')
  const unknown = await fetch(`${gateway.endpoint}/${Bucket}/k?attributes`, {
    headers: { 'x-amz-object-attributes': 'ETag,Colour' },
  })
  assert.is(unknown.status, 400)
})

attributes('an object that was written at once is its only part, which is not counted', async ({ s3 }) => {
  await put(s3, 'parts', 'hello')
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'parts', PartNumber: 1 }))
  assert.equal([head.$metadata.httpStatusCode, head.PartsCount, head.ContentLength], [206, undefined, 5])
  const get = await s3.send(new GetObjectCommand({ Bucket, Key: 'parts', PartNumber: 1 }))
  assert.equal([get.ContentRange, await get.Body?.transformToString()], ['bytes 0-4/5', 'hello'])
  const part = (PartNumber: number, more: { Range?: string } = {}) =>
    refusal(s3.send(new GetObjectCommand({ Bucket, Key: 'parts', PartNumber, ...more })))
  assert.is(await part(2), '416 InvalidPartNumber')
  assert.is(await part(0), '400 InvalidArgument')
  assert.is(await part(10_001), '400 InvalidArgument')
  assert.is(await part(1, { Range: 'bytes=0-1' }), '400 InvalidRequest')
})

attributes('an empty object has one part, too', async ({ s3 }) => {
  await put(s3, 'empty', '')
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'empty', PartNumber: 1 }))
  assert.equal([head.$metadata.httpStatusCode, head.ContentLength, head.ContentRange], [200, 0, undefined])
})

attributes.run()
