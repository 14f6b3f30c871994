import { CreateBucketCommand, PutObjectCommand, type S3Client, UploadPartCopyCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client } from '../../support/s3-client.js'
import { wires } from '../../support/test-pfs.js'
import { type Begun, Bucket, begin, complete, partBytes, read, sendPart } from './uploads.js'

const source = Buffer.from(Array.from({ length: partBytes + 1000 }, (_, index) => index % 251))

/** The same behaviour over memory and over the wire. */
for (const overWire of wires) {
  const copies = suite<{ gateway: Gateway; s3: S3Client; plain: S3Client }>(
    `copied parts ${overWire ? 'over the wire' : 'in memory'}`,
  )

  copies.before(async (context) => {
    context.gateway = await startGateway({ overWire })
    context.s3 = s3Client(context.gateway)
    context.plain = s3Client(context.gateway, undefined, { requestChecksumCalculation: 'WHEN_REQUIRED' })
    await context.s3.send(new CreateBucketCommand({ Bucket }))
    await context.s3.send(new CreateBucketCommand({ Bucket: 'dev.other' }))
    await context.s3.send(new PutObjectCommand({ Bucket: 'dev.other', Key: 'source', Body: source }))
  })

  copies.after(async ({ gateway, s3, plain }) => {
    s3.destroy()
    plain.destroy()
    await gateway.close()
  })

  async function copyPart(s3: S3Client, upload: Begun, PartNumber: number, more: object = {}) {
    const { CopyPartResult } = await s3.send(
      new UploadPartCopyCommand({ ...upload, PartNumber, CopySource: 'dev.other/source', ...more }),
    )
    return { PartNumber, ETag: CopyPartResult?.ETag, ChecksumCRC32: CopyPartResult?.ChecksumCRC32 }
  }

  for (const checksum of [undefined, 'CRC32'] as const) {
    copies(`whole objects and ranges are joined, ${checksum ?? 'without a checksum'}`, async ({ plain }) => {
      const upload = await begin(plain, `joined ${checksum}`, checksum && { ChecksumAlgorithm: checksum })
      const parts = [
        await copyPart(plain, upload, 1),
        await copyPart(plain, upload, 2, { CopySourceRange: `bytes=1000-${partBytes + 999}` }),
        await copyPart(plain, upload, 3, { CopySourceRange: 'bytes=7-7' }),
      ]
      await complete(plain, upload, parts)
      const expected = Buffer.concat([source, source.subarray(1000), source.subarray(7, 8)])
      assert.ok((await read(plain, `joined ${checksum}`)).equals(expected))
    })
  }

  copies('whole objects are joined in any place, also after sent parts', async ({ s3 }) => {
    const other = Buffer.alloc(partBytes, 'o')
    await s3.send(new PutObjectCommand({ Bucket: 'dev.other', Key: 'other', Body: other }))
    const upload = await begin(s3, 'places')
    await complete(s3, upload, [
      await sendPart(s3, upload, 1, other),
      await copyPart(s3, upload, 2),
      await copyPart(s3, upload, 3, { CopySource: 'dev.other/other' }),
      await copyPart(s3, upload, 4),
    ])
    assert.ok((await read(s3, 'places')).equals(Buffer.concat([other, source, other, source])))
  })

  copies('unsupported headers are refused as for UploadPart', async ({ s3 }) => {
    const upload = await begin(s3, 'unsupported')
    for (const more of [{ SSECustomerAlgorithm: 'AES256' }, { CopySourceSSECustomerAlgorithm: 'AES256' }]) {
      assert.is(await refusal(copyPart(s3, upload, 1, more)), '400 InvalidRequest')
    }
  })

  copies('an invalid range, or one beyond the end of the source, is refused', async ({ s3 }) => {
    const upload = await begin(s3, 'ranges')
    for (const CopySourceRange of [
      'bytes=0-',
      'bytes=-5',
      '0-5',
      'bytes=5-4',
      'bytes=0-1,3-4',
      `bytes=0-${source.length}`,
    ]) {
      assert.is(await refusal(copyPart(s3, upload, 1, { CopySourceRange })), '400 InvalidArgument')
    }
  })

  copies('the source must exist and meet its conditions', async ({ s3 }) => {
    const upload = await begin(s3, 'sources')
    const refused = (more: object) => refusal(copyPart(s3, upload, 1, more))
    assert.is(await refused({ CopySource: 'dev.other/none' }), '404 NoSuchKey')
    assert.is(await refused({ CopySource: 'none/source' }), '404 NoSuchBucket')
    assert.is(await refused({ CopySource: `dev.other/source?versionId=${'f'.repeat(32)}` }), '404 NoSuchVersion')
    assert.is(await refused({ CopySourceIfMatch: '"other"' }), '412 PreconditionFailed')
    assert.is(await refused({ UploadId: 'none' }), '404 NoSuchUpload')
  })

  copies.run()
}
