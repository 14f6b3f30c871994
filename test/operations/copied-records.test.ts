import {
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateBucketCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type MetadataDirective,
  PutObjectCommand,
  type S3Client,
  type TaggingDirective,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.copies'

const copies = suite<{ gateway: Gateway; s3: S3Client; other: Gateway; otherS3: S3Client }>('records of copies')

/** Two gateways on one PFS: the second can only use what the first has committed. */
copies.before(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  context.other = await startGateway({ pfs: context.gateway.pfs })
  context.otherS3 = s3Client(context.other)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

copies.after(async ({ gateway, s3, other, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  await other.close()
  await gateway.close()
})

const ofSource = { Metadata: { from: 'source' }, CacheControl: 'no-store', ContentType: 'a/source' }
const ofRequest = { Metadata: { from: 'request' }, ContentType: 'a/request' }
const redirect = { WebsiteRedirectLocation: '/elsewhere' }
const [sourceTags, requestTags] = ['of=source', 'of=request&more=1']

async function attributesOf(s3: S3Client, Key: string) {
  const { Metadata, CacheControl, ContentType, WebsiteRedirectLocation, TagCount } = await s3.send(
    new HeadObjectCommand({ Bucket, Key }),
  )
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key }))
  assert.is(TagCount ?? 0, TagSet.length)
  return {
    Metadata,
    ContentType,
    ...(CacheControl !== undefined && { CacheControl }),
    ...(WebsiteRedirectLocation !== undefined && { WebsiteRedirectLocation }),
    tags: TagSet.map((tag) => `${tag.Key}=${tag.Value}`).join('&'),
  }
}

const putSource = (s3: S3Client, Key: string, Body = Key) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, Tagging: sourceTags, ...ofSource, ...redirect }))

const unknown = 'Replace' as const
const directives = [undefined, 'COPY', 'REPLACE', unknown] as const

for (const metadataDirective of directives) {
  for (const taggingDirective of directives) {
    const isKnown = metadataDirective !== unknown && taggingDirective !== unknown
    const request: Omit<CopyObjectCommandInput, 'Key' | 'CopySource'> = {
      Bucket,
      // The SDK's types have no unknown directive.
      ...(metadataDirective && { MetadataDirective: metadataDirective as MetadataDirective }),
      ...(taggingDirective && { TaggingDirective: taggingDirective as TaggingDirective }),
      Tagging: requestTags,
      ...ofRequest,
    }
    const name = `metadata directive ${metadataDirective}, tagging directive ${taggingDirective}`
    const expected = {
      ...(metadataDirective === 'REPLACE' ? ofRequest : ofSource),
      tags: taggingDirective === 'REPLACE' ? requestTags : sourceTags,
    }

    for (const size of [5, 1_500_000]) {
      copies(`${name}: a copy of ${size} bytes`, async ({ s3, otherS3 }) => {
        const Key = `to/${size} ${name}`
        await putSource(s3, `source-${size}`, 'x'.repeat(size))
        const copied = s3.send(new CopyObjectCommand({ ...request, Key, CopySource: `${Bucket}/source-${size}` }))
        assert.is(await refusal(copied), isKnown ? 'none' : '400 InvalidArgument')
        for (const client of [s3, otherS3]) {
          if (isKnown) assert.equal(await attributesOf(client, Key), expected)
          else assert.is(await refusal(client.send(new HeadObjectCommand({ Bucket, Key }))), '404 NotFound')
        }
      })
    }

    copies(`${name}: a copy onto itself`, async ({ s3, otherS3 }) => {
      const Key = `itself/${name}`
      await putSource(s3, Key)
      const isChange = metadataDirective === 'REPLACE'
      const copied = s3.send(new CopyObjectCommand({ ...request, Key, CopySource: `${Bucket}/${encodeURI(Key)}` }))
      assert.is(await refusal(copied), !isKnown ? '400 InvalidArgument' : isChange ? 'none' : '400 InvalidRequest')
      const unchanged = { ...ofSource, ...redirect, tags: sourceTags }
      for (const client of [s3, otherS3]) {
        assert.equal(await attributesOf(client, Key), isKnown && isChange ? expected : unchanged)
      }
    })
  }
}

copies('a redirect is not copied, and a request may set one whatever the directives', async ({ s3, otherS3 }) => {
  await putSource(s3, 'redirected')
  const CopySource = `${Bucket}/redirected`
  const to = { WebsiteRedirectLocation: 'https://example.com/' }
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'to-redirected', CopySource, ...to }))
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'redirected', CopySource, ...to }))
  for (const client of [s3, otherS3]) {
    for (const Key of ['to-redirected', 'redirected']) {
      assert.equal(await attributesOf(client, Key), { ...ofSource, ...to, tags: sourceTags })
    }
  }
})

copies('a copy of a version has the attributes of that version, not of the current one', async ({ s3, otherS3 }) => {
  const { VersionId } = await putSource(s3, 'versioned', 'one')
  await s3.send(new PutObjectCommand({ Bucket, Key: 'versioned', Body: 'two', ...ofRequest }))
  const CopySource = `${Bucket}/versioned?versionId=${VersionId}`
  const expected = { ...ofSource, tags: sourceTags }
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'from-version', CopySource }))
  for (const client of [s3, otherS3]) assert.equal(await attributesOf(client, 'from-version'), expected)
  // Onto itself, it restores the version.
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'versioned', CopySource }))
  for (const client of [s3, otherS3]) assert.equal(await attributesOf(client, 'versioned'), expected)
})

copies.run()
