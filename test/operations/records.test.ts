import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.records'

const records = suite<{ gateway: Gateway; s3: S3Client; other: Gateway; otherS3: S3Client }>('records of objects')

/** Two gateways on one PFS: the second can only use what the first has committed. */
records.before(async (context) => {
  context.gateway = await startGateway({ overWire: true, options: { objectRecords: 'all' } })
  context.s3 = s3Client(context.gateway)
  context.other = await startGateway({ pfs: context.gateway.pfs, options: { objectRecords: 'all' } })
  context.otherS3 = s3Client(context.other)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

records.after(async ({ gateway, s3, other, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  await other.close()
  await gateway.close()
})

const put = (s3: S3Client, Key: string, more: Partial<PutObjectCommandInput>) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: Key, ...more }))
const head = (s3: S3Client, Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
const md5 = (content: string | Uint8Array) => `"${createHash('md5').update(content).digest('hex')}"`

const described = {
  CacheControl: 'max-age=60',
  ContentDisposition: 'attachment; filename="a.bin"',
  ContentEncoding: 'gzip',
  ContentLanguage: 'de',
  ContentType: 'application/x-thing',
  Metadata: { camera: 'north', 'two-words': 'a b' },
} as const

function description({
  CacheControl,
  ContentDisposition,
  ContentEncoding,
  ContentLanguage,
  ContentType,
  Metadata,
}: {
  [Name in keyof typeof described]?: unknown
}) {
  return { CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType, Metadata }
}

for (const size of [5, 1_500_000]) {
  const Body = Buffer.alloc(size, 'x')

  records(
    `any gateway returns headers and metadata of ${size} bytes as soon as the write is confirmed`,
    async ({ s3, otherS3 }) => {
      const Key = `described-${size}`
      const written = await put(s3, Key, { Body, ...described })
      for (const client of [s3, otherS3]) {
        const found = await head(client, Key)
        assert.equal(description(found), described)
        assert.is(found.ETag, md5(Body))
        assert.is(written.ETag, md5(Body))
        const { Body: body, ...got } = await client.send(new GetObjectCommand({ Bucket, Key }))
        assert.equal(description(got), described)
        assert.is((await body?.transformToByteArray())?.length, size)
      }
    },
  )
}

const encodings = [
  ['deflate, gzip', 'deflate, gzip'],
  ['deflate, gzip, aws-chunked', 'deflate, gzip'],
  ['aws-chunked, gzip', 'gzip'],
  ['aws-chunked', undefined],
] as const

records(
  'a content encoding is kept as it was written, without the framing of the transfer',
  async ({ gateway, s3 }) => {
    for (const [sent, kept] of encodings) {
      const headers = { 'content-encoding': sent }
      await fetch(`${gateway.endpoint}/${Bucket}/encoded`, { method: 'PUT', body: 'x', headers })
      assert.is((await head(s3, 'encoded')).ContentEncoding, kept, sent)
    }
  },
)

records(
  'the time and version of a write stay when other keys change, even at another gateway',
  async ({ gateway, s3, otherS3 }) => {
    const written = await put(s3, 'stays', {})
    const first = await head(s3, 'stays')
    await put(s3, 'other', { Body: '1' })
    await put(s3, 'other', { Body: '2' })
    await gateway.flush()
    for (const client of [s3, otherS3]) {
      const found = await head(client, 'stays')
      assert.is(found.VersionId, written.VersionId)
      assert.equal(found.LastModified, first.LastModified)
    }
  },
)

records('what another gateway wrote after this one has read the key is seen at once', async ({ s3, otherS3 }) => {
  for (const v of ['1', '2', '3']) {
    await put(s3, 'read-before', { Body: v, Metadata: { v } })
    const found = await head(otherS3, 'read-before')
    assert.equal([found.Metadata, found.ETag], [{ v }, md5(v)])
  }
})

records('a listing shows the ETags and times that HEAD shows', async ({ s3 }) => {
  for (const name of ['b.txt', 'a', 'c (1)']) await put(s3, `listed/${name}`, { Body: name })
  await put(s3, 'listed/deep/er/d', {})
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'listed/' }))
  assert.is(Contents.length, 4)
  for (const { Key = '', ETag, LastModified } of Contents) {
    const found = await head(s3, Key)
    assert.is(ETag, found.ETag)
    assert.is(ETag?.length, 34)
    assert.is(Math.floor(Number(LastModified) / 1000), Math.floor(Number(found.LastModified) / 1000))
  }
})

records('a write without attributes removes those of the same bytes', async ({ gateway, s3, otherS3 }) => {
  await put(s3, 'again', { Body: 'same', Metadata: { a: '1' } })
  await put(s3, 'again', { Body: 'same' })
  assert.equal((await head(s3, 'again')).Metadata, {})
  await gateway.flush()
  assert.equal((await head(otherS3, 'again')).Metadata, {})
})

records('a refused write leaves the attributes of the same bytes unchanged', async ({ s3 }) => {
  await put(s3, 'kept', { Body: 'same', Metadata: { a: '1' } })
  const refused = put(s3, 'kept', { Body: 'same', Metadata: { a: '2' }, IfNoneMatch: '*' })
  assert.is(await refusal(refused), '412 PreconditionFailed')
  assert.equal((await head(s3, 'kept')).Metadata, { a: '1' })
})

records('each content of a key has separate attributes', async ({ s3 }) => {
  const first = await put(s3, 'versions', { Body: 'one', Metadata: { v: '1' } })
  await put(s3, 'versions', { Body: 'two', Metadata: { v: '2' } })
  const old = await s3.send(new HeadObjectCommand({ Bucket, Key: 'versions', VersionId: first.VersionId }))
  assert.equal([old.Metadata, old.ETag], [{ v: '1' }, md5('one')])
  assert.equal((await head(s3, 'versions')).Metadata, { v: '2' })
})

records('writing the same bytes again creates a version with the same ETag', async ({ gateway, s3, otherS3 }) => {
  const written = []
  for (const Body of ['one', 'one', 'two', 'one']) written.push((await put(s3, 'rewritten', { Body })).VersionId)
  await gateway.flush()
  for (const client of [s3, otherS3]) {
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'rewritten' }))
    assert.equal(
      Versions.map(({ VersionId, ETag, IsLatest }) => [VersionId, ETag, IsLatest]),
      written.map((id, index) => [id, md5(index === 2 ? 'two' : 'one'), index === 3]).reverse(),
    )
    assert.is((await head(client, 'rewritten')).VersionId, written[3])
    const first = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'rewritten', MaxKeys: 2 }))
    const second = await client.send(
      new ListObjectVersionsCommand({
        Bucket,
        Prefix: 'rewritten',
        KeyMarker: first.NextKeyMarker,
        VersionIdMarker: first.NextVersionIdMarker,
      }),
    )
    const ids = [...(first.Versions ?? []), ...(second.Versions ?? [])].map(({ VersionId }) => VersionId)
    assert.equal(ids, [...written].reverse())
  }
})

records('metadata in UTF-8, or in encoded words of RFC 2047, is returned as encoded words', async ({ s3 }) => {
  await put(s3, 'umlaut', { Metadata: { plain: 'a', word: '=?UTF-8?Q?gr=C3=BCn_?=' } })
  const { Metadata } = await head(s3, 'umlaut')
  assert.equal(Metadata, { plain: 'a', word: `=?UTF-8?B?${Buffer.from('grün ').toString('base64')}?=` })
})

records('a copy gets the attributes of its source, or new ones', async ({ s3 }) => {
  const CopySource = `${Bucket}/source`
  await put(s3, 'source', { Metadata: { from: 'source' }, ContentType: 'a/b', Tagging: 'k=v' })
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource }))
  const copied = await head(s3, 'copied')
  assert.equal(
    [copied.Metadata, copied.ContentType, copied.TagCount, copied.ETag],
    [{ from: 'source' }, 'a/b', 1, md5('source')],
  )
  await s3.send(
    new CopyObjectCommand({
      Bucket,
      Key: 'replaced',
      CopySource,
      MetadataDirective: 'REPLACE',
      Metadata: { new: '1' },
      TaggingDirective: 'REPLACE',
      Tagging: 'x=1&y=2',
    }),
  )
  const replaced = await head(s3, 'replaced')
  assert.equal([replaced.Metadata, replaced.ContentType, replaced.TagCount], [{ new: '1' }, 'binary/octet-stream', 2])
})

records('a copy onto itself replaces the attributes', async ({ s3 }) => {
  await put(s3, 'itself', { Metadata: { a: '1' } })
  const CopySource = `${Bucket}/itself`
  await s3.send(
    new CopyObjectCommand({ Bucket, Key: 'itself', CopySource, MetadataDirective: 'REPLACE', Metadata: { b: '2' } }),
  )
  assert.equal((await head(s3, 'itself')).Metadata, { b: '2' })
})

records('tags are set, read, removed, and counted by HEAD', async ({ s3, otherS3 }) => {
  const { VersionId } = await put(s3, 'tagged', { Tagging: 'project=vision&stage=a%20b' })
  const tagsOf = async (client: S3Client) =>
    (await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'tagged' }))).TagSet
  assert.equal(await tagsOf(otherS3), [
    { Key: 'project', Value: 'vision' },
    { Key: 'stage', Value: 'a b' },
  ])
  const TagSet = [{ Key: 'ü', Value: '' }]
  await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'tagged', VersionId, Tagging: { TagSet } }))
  assert.equal(await tagsOf(s3), TagSet)
  assert.is((await head(s3, 'tagged')).TagCount, 1)
  await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key: 'tagged' }))
  assert.equal(await tagsOf(s3), [])
  assert.is((await head(s3, 'tagged')).TagCount, undefined)
})

const elevenTags = Array.from({ length: 11 }, (_, index) => `k${index}=v`).join('&')
for (const [what, more, expected] of [
  ['too much metadata', { Metadata: { a: 'x'.repeat(2048) } }, '400 MetadataTooLarge'],
  ['eleven tags', { Tagging: elevenTags }, '400 BadRequest'],
  ['a tag twice', { Tagging: 'a=1&a=2' }, '400 InvalidArgument'],
  ['a tag without a name', { Tagging: '=v' }, '400 InvalidArgument'],
  ['a redirect to nowhere', { WebsiteRedirectLocation: 'example.com' }, '400 InvalidRedirectLocation'],
  ['a tag of the system', { Tagging: 'aws:a=1' }, '400 InvalidTag'],
  ['a long tag', { Tagging: `a=${'x'.repeat(257)}` }, '400 InvalidTag'],
  ['tags that are no query', { Tagging: 'a=1=2' }, '400 InvalidArgument'],
] as const) {
  records(`${what} is refused, and nothing is written`, async ({ s3 }) => {
    assert.is(await refusal(put(s3, 'refused', more)), expected)
    assert.is(await refusal(head(s3, 'refused')), '404 NotFound')
  })
}

records('a tag in a header may have no value, and empty tags are skipped', async ({ s3 }) => {
  for (const [Tagging, tags] of [
    ['&&', []],
    ['a&', [['a', '']]],
    [
      'a=&b+c=%2F',
      [
        ['a', ''],
        ['b c', '/'],
      ],
    ],
  ] as const) {
    await put(s3, 'lenient', { Tagging })
    const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'lenient' }))
    assert.equal(
      TagSet.map(({ Key, Value }) => [Key, Value]),
      tags,
      Tagging,
    )
  }
})

records('listings name the checksum of an object', async ({ s3 }) => {
  await put(s3, 'listed-sum', { ChecksumAlgorithm: 'SHA256' })
  const page = { Bucket, Prefix: 'listed-sum' }
  const { Contents } = await s3.send(new ListObjectsV2Command(page))
  const { Versions } = await s3.send(new ListObjectVersionsCommand(page))
  for (const [listed] of [Contents ?? [], Versions ?? []]) {
    assert.equal([listed?.ChecksumAlgorithm, listed?.ChecksumType], [['SHA256'], 'FULL_OBJECT'])
  }
})

records('the checksum of a write is returned to clients that ask for it', async ({ s3 }) => {
  await put(s3, 'summed', { ChecksumAlgorithm: 'SHA256' })
  const sum = createHash('sha256').update('summed').digest('base64')
  assert.is((await head(s3, 'summed')).ChecksumSHA256, sum)
  const silent = await s3.send(new HeadObjectCommand({ Bucket, Key: 'summed' }))
  assert.is(silent.ChecksumSHA256, undefined)
  const { Checksum } = await s3.send(
    new GetObjectAttributesCommand({ Bucket, Key: 'summed', ObjectAttributes: ['Checksum'] }),
  )
  assert.equal(Checksum, { ChecksumSHA256: sum, ChecksumType: 'FULL_OBJECT' })
})

records(
  'an object has the attributes of the start of its upload, and its parts can be read one by one',
  async ({ s3, otherS3 }) => {
    const Key = 'in-parts'
    const sizes = [5 * 1024 * 1024, 7]
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ...described, Tagging: 'a=b', ChecksumAlgorithm: 'CRC32' }),
    )
    const Parts = []
    for (const [index, size] of sizes.entries()) {
      const part = { PartNumber: index + 1, Body: Buffer.alloc(size, index), ChecksumAlgorithm: 'CRC32' as const }
      const { ETag, ChecksumCRC32 } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, ...part }))
      Parts.push({ PartNumber: part.PartNumber, ETag, ChecksumCRC32 })
    }
    const completed = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    )
    for (const client of [s3, otherS3]) {
      const found = await head(client, Key)
      assert.equal(description(found), described)
      assert.equal([found.TagCount, found.ETag, found.ChecksumCRC32], [1, completed.ETag, completed.ChecksumCRC32])
      const { PartsCount, ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key, PartNumber: 2 }))
      assert.equal([PartsCount, ContentLength], [2, 7])
      const part = await client.send(new GetObjectCommand({ Bucket, Key, PartNumber: 2, ChecksumMode: 'ENABLED' }))
      assert.is(part.ChecksumCRC32, Parts[1]?.ChecksumCRC32)
      await part.Body?.transformToByteArray()
      const { ObjectParts, Checksum } = await client.send(
        new GetObjectAttributesCommand({ Bucket, Key, ObjectAttributes: ['ObjectParts', 'Checksum'], MaxParts: 1 }),
      )
      assert.is(`${Checksum?.ChecksumCRC32}-2`, completed.ChecksumCRC32)
      assert.equal([ObjectParts?.TotalPartsCount, ObjectParts?.IsTruncated], [2, true])
      assert.equal(
        ObjectParts?.Parts?.map(({ Size, ChecksumCRC32 }) => [Size, ChecksumCRC32]),
        [[sizes[0], Parts[0]?.ChecksumCRC32]],
      )
    }
  },
)

records('the default content type is that of the extension', async ({ gateway, s3 }) => {
  const branch = { repo: { project: 'default', name: 'records', type: 'user' }, branch: 'master' } as const
  const files = ['/page.html', '/thing'].map((path) => ({ addFile: { path, raw: Buffer.from('x') } }))
  await gateway.pfs.modifyFile(branch, files)
  assert.is((await head(s3, 'page.html')).ContentType, 'text/html')
  assert.is((await head(s3, 'thing')).ContentType, 'binary/octet-stream')
  await put(s3, 'page.html', { ContentType: 'text/html' })
  assert.is((await head(s3, 'page.html')).ContentType, 'text/html')
})

records.run()
