import {
  type CompletedPart,
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  ListPartsCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client } from '../../support/s3-client.js'
import { wires } from '../../support/test-pfs.js'
import { Bucket, begin, sendPart } from './uploads.js'

/** The same behaviour over memory and over the wire. */
for (const overWire of wires) {
  const listing = suite<{ gateway: Gateway; s3: S3Client }>(
    `lists of uploads ${overWire ? 'over the wire' : 'in memory'}`,
  )

  listing.before.each(async (context) => {
    context.gateway = await startGateway({ overWire })
    context.s3 = s3Client(context.gateway)
    await context.s3.send(new CreateBucketCommand({ Bucket }))
  })

  listing.after.each(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  /** All pages of uploads, each as its keys and common prefixes in the order in which they came. */
  async function pages(s3: S3Client, query: Partial<ListMultipartUploadsCommandInput>): Promise<string[][]> {
    const found: string[][] = []
    let marker: Partial<ListMultipartUploadsCommandInput> = {}
    for (;;) {
      const page = await s3.send(new ListMultipartUploadsCommand({ Bucket, ...query, ...marker }))
      found.push([
        ...(page.Uploads ?? []).map(({ Key }) => Key ?? ''),
        ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''),
      ])
      if (page.IsTruncated !== true) return found
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
    }
  }

  listing('the list is empty before the first upload, and an error for a missing bucket', async ({ s3 }) => {
    assert.equal(await pages(s3, {}), [[]])
    assert.is(await refusal(pages(s3, { Bucket: 'none.images' })), '404 NoSuchBucket')
    assert.is(await refusal(pages(s3, { Bucket: 'none' })), '404 NoSuchBucket')
  })

  listing('uploads are sorted by key in byte order, then by age', async ({ s3 }) => {
    const keys = ['b', 'a/2', 'a', 'ab', 'a/1', '\u{1f600}', '\uffe6', 'a.b', 'a']
    const ids = []
    for (const key of keys) ids.push((await begin(s3, key, { ChecksumAlgorithm: 'CRC32' })).UploadId)
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
    assert.equal(
      Uploads?.map(({ Key }) => Key),
      ['a', 'a', 'a.b', 'a/1', 'a/2', 'ab', 'b', '\uffe6', '\u{1f600}'],
    )
    assert.equal(new Set(Uploads?.slice(0, 2).map(({ UploadId }) => UploadId)), new Set([ids[2], ids[8]]))
    assert.is(Uploads?.[0]?.ChecksumAlgorithm, 'CRC32')
    assert.is(Uploads?.[0]?.ChecksumType, 'COMPOSITE')
    assert.is(Uploads?.[0]?.StorageClass, 'STANDARD')
    assert.ok(Uploads?.[0]?.Initiated instanceof Date)
  })

  listing('pages of every size contain each upload once', async ({ s3 }) => {
    const keys = ['a', 'a', 'b/1', 'b/2', 'b/3', 'c', 'd/1', 'e']
    for (const key of keys) await begin(s3, key)
    for (const MaxUploads of [1, 2, 3, 7, 8]) {
      const flat = await pages(s3, { MaxUploads })
      assert.equal(flat.flat(), keys)
      assert.ok(flat.every((page) => page.length <= MaxUploads))
      assert.equal((await pages(s3, { MaxUploads, Delimiter: '/' })).flat().sort(), ['a', 'a', 'b/', 'c', 'd/', 'e'])
      assert.equal((await pages(s3, { MaxUploads, Prefix: 'b/' })).flat(), ['b/1', 'b/2', 'b/3'])
    }
    assert.equal(await pages(s3, { Prefix: 'b', Delimiter: '/' }), [['b/']])
    assert.equal(await pages(s3, { KeyMarker: 'b/2' }), [['b/3', 'c', 'd/1', 'e']])
    // A marker inside a common prefix is behind all of it.
    assert.equal(await pages(s3, { KeyMarker: 'b/2', Delimiter: '/' }), [['c', 'e', 'd/']])
    assert.equal(await pages(s3, { KeyMarker: 'z' }), [[]])
    assert.equal(await pages(s3, { Prefix: 'b/', KeyMarker: 'a' }), [['b/1', 'b/2', 'b/3']])
    assert.equal(await pages(s3, { Prefix: 'b/', KeyMarker: 'c' }), [[]])
    assert.is(await refusal(pages(s3, { KeyMarker: 'a', UploadIdMarker: 'nonsense' })), '400 InvalidArgument')
    assert.is(await refusal(pages(s3, { MaxUploads: -1 })), '400 InvalidArgument')
  })

  listing('uploads to one branch are not listed for another', async ({ s3 }) => {
    await s3.send(new CreateBucketCommand({ Bucket: 'dev.images' }))
    const upload = await begin(s3, 'x', { Bucket: 'dev.images' })
    assert.equal(await pages(s3, {}), [[]])
    assert.equal(await pages(s3, { Bucket: 'dev.images' }), [['x']])
    assert.is(await refusal(sendPart(s3, { ...upload, Bucket }, 1, 'x')), '404 NoSuchUpload')
  })

  listing('keys that XML cannot contain are encoded', async ({ gateway, s3 }) => {
    await begin(s3, 'a b+\u0001')
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket, EncodingType: 'url' }))
    assert.is(Uploads?.[0]?.Key, 'a%20b%2B%01')
    assert.is((await fetch(`${gateway.endpoint}/${Bucket}?uploads&encoding-type=x`)).status, 400)
  })

  listing('parts are listed in pages', async ({ s3 }) => {
    const upload = await begin(s3, 'parts', { ChecksumAlgorithm: 'CRC32' })
    const sent: CompletedPart[] = []
    for (const number of [3, 10_000, 1, 20]) sent.push(await sendPart(s3, upload, number, `part ${number}`))
    const all = await s3.send(new ListPartsCommand(upload))
    assert.equal(
      all.Parts?.map(({ PartNumber, ETag, ChecksumCRC32 }) => [PartNumber, ETag, ChecksumCRC32]),
      [2, 0, 3, 1].map((index) => [sent[index]?.PartNumber, sent[index]?.ETag, sent[index]?.ChecksumCRC32]),
    )
    assert.equal(
      all.Parts?.map(({ Size }) => Size),
      [6, 6, 7, 10],
    )
    const page = await s3.send(new ListPartsCommand({ ...upload, MaxParts: 2 }))
    assert.equal([page.IsTruncated, page.NextPartNumberMarker, page.Parts?.length], [true, '3', 2])
    const rest = await s3.send(new ListPartsCommand({ ...upload, MaxParts: 2, PartNumberMarker: '3' }))
    assert.equal([rest.IsTruncated, rest.Parts?.map(({ PartNumber }) => PartNumber)], [false, [20, 10_000]])
    const none = await s3.send(new ListPartsCommand({ ...upload, PartNumberMarker: '20000' }))
    assert.equal([none.Parts, none.NextPartNumberMarker], [undefined, '0'])
  })

  listing.run()
}
