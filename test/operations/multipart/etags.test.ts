import { createHash } from 'node:crypto'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client } from '../../support/s3-client.js'
import { type Begun, Bucket, begin, complete, partBytes, sendPart } from './uploads.js'

const etags = suite<{ gateway: Gateway; s3: S3Client; other: Gateway; otherS3: S3Client }>('ETags of multipart uploads')

/** Two gateways on one PFS; the second has no records, and serves the uploads of the first. */
etags.before(async (context) => {
  context.gateway = await startGateway({ overWire: true, options: { objectRecords: 'all' } })
  context.s3 = s3Client(context.gateway)
  context.other = await startGateway({ pfs: context.gateway.pfs, options: { objectRecords: 'off' } })
  context.otherS3 = s3Client(context.other)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

etags.after(async ({ gateway, s3, other, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  await other.close()
  await gateway.close()
})

const md5 = (...contents: readonly Uint8Array[]) => {
  const hash = createHash('md5')
  for (const content of contents) hash.update(content)
  return hash.digest()
}
const etagOf = (content: Uint8Array) => `"${md5(content).toString('hex')}"`
const compositeOf = (...parts: readonly Uint8Array[]) =>
  `"${md5(...parts.map((part) => md5(part))).toString('hex')}-${parts.length}"`

async function copyPart(s3: S3Client, upload: Begun, PartNumber: number, CopySource: string, CopySourceRange?: string) {
  const { CopyPartResult } = await s3.send(
    new UploadPartCopyCommand({ ...upload, PartNumber, CopySource, ...(CopySourceRange && { CopySourceRange }) }),
  )
  return { PartNumber, ETag: CopyPartResult?.ETag }
}

etags('the ETag of a part is its MD5, that of the object is S3’s, in all responses', async ({ s3 }) => {
  const parts = [Buffer.alloc(partBytes, 'a'), Buffer.alloc(partBytes, 'b'), Buffer.from('c')]
  const upload = await begin(s3, 'composite')
  const sent = await Promise.all(parts.map((part, index) => sendPart(s3, upload, index + 1, part)))
  const expected = parts.map(etagOf)
  assert.equal(
    sent.map(({ ETag }) => ETag),
    expected,
  )
  const listed = await s3.send(new ListPartsCommand(upload))
  assert.equal(
    listed.Parts?.map(({ ETag }) => ETag),
    expected,
  )
  const second = await s3.send(new ListPartsCommand({ ...upload, PartNumberMarker: '1', MaxParts: 1 }))
  assert.equal(
    second.Parts?.map(({ ETag }) => ETag),
    expected.slice(1, 2),
  )
  const ETag = compositeOf(...parts)
  const done = await complete(s3, upload, sent)
  assert.is(done.ETag, ETag)
  assert.is((await complete(s3, upload, sent)).ETag, ETag, 'the same request again')

  const Key = 'composite'
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key }))
  assert.is(head.ETag, ETag)
  const attributes = await s3.send(new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ETag'] }))
  assert.is(`"${attributes.ETag}"`, ETag)
  const list = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }))
  assert.is(list.Contents?.[0]?.ETag, ETag)
  const versions = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))
  assert.equal(
    versions.Versions?.map((version) => [version.ETag, version.VersionId]),
    [[ETag, head.VersionId]],
  )
  const { CopyObjectResult } = await s3.send(
    new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}`, CopySourceIfMatch: ETag }),
  )
  assert.is(CopyObjectResult?.ETag, ETag)
  const got = await s3.send(new GetObjectCommand({ Bucket, Key, IfMatch: ETag, Range: 'bytes=0-0' }))
  await got.Body?.transformToString()
  assert.is(await refusal(s3.send(new GetObjectCommand({ Bucket, Key, IfMatch: '"0"' }))), '412 PreconditionFailed')
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'new', IfMatch: ETag }))
  assert.is((await s3.send(new HeadObjectCommand({ Bucket, Key }))).ETag, etagOf(Buffer.from('new')))
})

etags('a part with a wrong MD5 is refused', async ({ s3 }) => {
  const upload = await begin(s3, 'refused')
  const [one, two] = [await sendPart(s3, upload, 1, 'one'), await sendPart(s3, upload, 2, 'two')]
  const refused = complete(s3, upload, [{ ...one, ETag: two.ETag }])
  assert.is(await refusal(refused), '400 InvalidPart')
})

etags('a part that is uploaded again has the new MD5', async ({ s3 }) => {
  const upload = await begin(s3, 'again', { ChecksumAlgorithm: 'CRC32' })
  for (const content of ['first', 'last']) await sendPart(s3, upload, 1, content, { ChecksumAlgorithm: 'CRC32' })
  const { Parts = [] } = await s3.send(new ListPartsCommand(upload))
  assert.is(Parts[0]?.ETag, etagOf(Buffer.from('last')))
  const [{ PartNumber, ETag, ChecksumCRC32 } = {}] = Parts
  assert.is((await complete(s3, upload, [{ PartNumber, ETag, ChecksumCRC32 }])).ETag, compositeOf(Buffer.from('last')))
})

etags('copied parts have the MD5 of their bytes', async ({ s3 }) => {
  const content = Buffer.concat([Buffer.alloc(partBytes, 'a'), Buffer.from('behind')])
  await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: content }))
  const source = `${Bucket}/source`
  for (const checksum of [{}, { ChecksumAlgorithm: 'SHA256' as const }]) {
    const upload = await begin(s3, 'from-copies', checksum)
    await copyPart(s3, upload, 1, source, `bytes=0-${partBytes - 1}`)
    await copyPart(s3, upload, 2, source)
    const { Parts = [] } = await s3.send(new ListPartsCommand(upload))
    const parts = [content.subarray(0, partBytes), content]
    assert.equal(
      Parts.map(({ ETag }) => ETag),
      parts.map(etagOf),
    )
    const done = await complete(
      s3,
      upload,
      Parts.map(({ PartNumber, ETag, ChecksumSHA256 }) => ({ PartNumber, ETag, ChecksumSHA256 })),
    )
    assert.is(done.ETag, compositeOf(...parts))
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'from-copies' }))
    assert.is(head.ETag, done.ETag)
  }
})

etags('an object of another writer is copied without reading it, and the ETags agree', async ({ gateway, s3 }) => {
  const commit = { repo: { project: 'default', name: 'images', type: 'user' }, branch: 'master' } as const
  await gateway.pfs.modifyFile(commit, [{ addFile: { path: '/foreign', raw: Buffer.from('foreign') } }])
  const upload = await begin(s3, 'from-foreign')
  const part = await copyPart(s3, upload, 1, `${Bucket}/foreign`)
  assert.match(part.ETag ?? '', /^"[0-9a-f]{32}"$/)
  const { Parts = [] } = await s3.send(new ListPartsCommand(upload))
  assert.is(Parts[0]?.ETag, part.ETag)
  const done = await complete(s3, upload, [part])
  assert.match(done.ETag ?? '', /^"[0-9a-f]{32}-1"$/)
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'from-foreign' }))
  assert.equal([head.ETag, head.ContentLength], [done.ETag, 7])
})

etags("the upload id defines the kind of ETags, whatever the gateway's options", async ({ s3, otherS3 }) => {
  const kept = await begin(s3, 'begun-with-records')
  const part = await sendPart(otherS3, kept, 1, 'x')
  assert.is(part.ETag, etagOf(Buffer.from('x')))
  const done = await complete(otherS3, kept, [part])
  const head = await otherS3.send(new HeadObjectCommand({ Bucket, Key: kept.Key }))
  assert.match(done.ETag ?? '', /^"[0-9a-f]{64}-1"$/)
  assert.is(head.ETag, done.ETag)

  const unkept = await begin(otherS3, 'begun-without')
  const second = await sendPart(s3, unkept, 1, 'y')
  assert.match(second.ETag ?? '', /^"[0-9a-f]{64}-1"$/)
  const completed = await complete(s3, unkept, [second])
  assert.is((await s3.send(new HeadObjectCommand({ Bucket, Key: unkept.Key }))).ETag, completed.ETag)
})

etags.run()
