import { createHash } from 'node:crypto'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { wires } from '../support/test-pfs.js'

/** The same behaviour over memory and over the wire. */
for (const overWire of wires) {
  const objects = suite<{ gateway: Gateway; s3: S3Client }>(`objects ${overWire ? 'over the wire' : 'in memory'}`)

  objects.before(async (context) => {
    context.gateway = await startGateway({ overWire })
    context.s3 = s3Client(context.gateway)
    await context.s3.send(new CreateBucketCommand({ Bucket: 'master.images' }))
  })

  objects.after(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  async function put(s3: S3Client, Key: string, Body: string | Uint8Array, Bucket = 'master.images') {
    return s3.send(new PutObjectCommand({ Bucket, Key, Body }))
  }

  async function read(s3: S3Client, Key: string, more: { VersionId?: string; Range?: string } = {}) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'master.images', Key, ...more }))
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  }

  objects('an object is read as it was written', async ({ s3 }) => {
    const written = await put(s3, 'a/b.txt', 'hello')
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'master.images', Key: 'a/b.txt' }))
    assert.is((await read(s3, 'a/b.txt')).toString(), 'hello')
    assert.is(head.ETag, written.ETag)
    assert.is(written.ETag, `"${createHash('md5').update('hello').digest('hex')}"`)
    assert.is(head.VersionId, written.VersionId)
    assert.is(head.ContentLength, 5)
  })

  objects('an empty object is an object', async ({ s3 }) => {
    const written = await put(s3, 'empty', '')
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'master.images', Key: 'empty' }))
    assert.is((await read(s3, 'empty')).length, 0)
    assert.is(head.ETag, written.ETag)
  })

  for (const size of [999_999, 1_000_000, 1_048_576, 1_048_577, 5_000_000]) {
    objects(`${size} bytes are read as written, with the same ETag`, async ({ s3 }) => {
      const body = Buffer.alloc(size, 'abcdefghijk')
      const written = await put(s3, `sizes/${size}`, body)
      assert.ok((await read(s3, `sizes/${size}`)).equals(body))
      const head = await s3.send(new HeadObjectCommand({ Bucket: 'master.images', Key: `sizes/${size}` }))
      assert.is(head.ETag, written.ETag)
    })
  }

  objects('an overwrite replaces the whole object, and the old version stays', async ({ s3 }) => {
    const first = await put(s3, 'replaced', 'a longer first content')
    await put(s3, 'replaced', 'second')
    assert.is((await read(s3, 'replaced')).toString(), 'second')
    assert.is((await read(s3, 'replaced', { VersionId: first.VersionId ?? '' })).toString(), 'a longer first content')
  })

  objects('ranges are those of HTTP', async ({ s3 }) => {
    await put(s3, 'range', '0123456789')
    assert.is((await read(s3, 'range', { Range: 'bytes=2-4' })).toString(), '234')
    assert.is((await read(s3, 'range', { Range: 'bytes=7-' })).toString(), '789')
    assert.is((await read(s3, 'range', { Range: 'bytes=-3' })).toString(), '789')
    assert.is((await read(s3, 'range', { Range: 'bytes=5-100' })).toString(), '56789')
    assert.is((await read(s3, 'range', { Range: 'bytes=0-1,3-4' })).toString(), '0123456789')
    assert.is(await refusal(read(s3, 'range', { Range: 'bytes=10-' })), '416 InvalidRange')
    await put(s3, 'nothing', '')
    assert.is((await read(s3, 'nothing', { Range: 'bytes=-8' })).length, 0)
    assert.is(await refusal(read(s3, 'nothing', { Range: 'bytes=0-7' })), '416 InvalidRange')
  })

  objects('keys that are not valid PFS paths are returned unchanged', async ({ s3 }) => {
    for (const key of ['photo (1).jpg', 'ünï/😀', 'a//b', 'dir/', '%28', '..', 'q?x=1&y+z', 'a\\b', ' lead']) {
      await put(s3, key, key, 'master.images')
      assert.is((await read(s3, key)).toString(), key)
    }
  })

  objects('a deleted key is gone, its version stays', async ({ s3 }) => {
    const written = await put(s3, 'gone', 'was here')
    const deleted = await s3.send(new DeleteObjectCommand({ Bucket: 'master.images', Key: 'gone' }))
    assert.is(deleted.DeleteMarker, true)
    assert.is(await refusal(read(s3, 'gone')), '404 NoSuchKey')
    assert.is((await read(s3, 'gone', { VersionId: written.VersionId ?? '' })).toString(), 'was here')
  })

  objects('many keys are deleted in one commit, each with a result', async ({ s3 }) => {
    await Promise.all(['m/1', 'm/2', 'm/3'].map((key) => put(s3, key, key)))
    const Objects = [{ Key: 'm/1' }, { Key: 'm/2' }, { Key: 'm/none' }, { Key: 'm/3', VersionId: 'invalid' }]
    const result = await s3.send(new DeleteObjectsCommand({ Bucket: 'master.images', Delete: { Objects } }))
    assert.equal(
      result.Deleted?.map(({ Key }) => Key),
      ['m/1', 'm/2', 'm/none'],
    )
    assert.equal(new Set(result.Deleted?.map(({ DeleteMarkerVersionId }) => DeleteMarkerVersionId)).size, 1)
    assert.equal(
      result.Errors?.map(({ Key, Code }) => `${Key} ${Code}`),
      ['m/3 InvalidArgument'],
    )
    assert.is((await read(s3, 'm/3')).toString(), 'm/3')
  })

  objects('a copy has the bytes and the ETag of its source', async ({ s3 }) => {
    await s3.send(new CreateBucketCommand({ Bucket: 'dev.other' }))
    const written = await put(s3, 'source (1)', 'to be copied')
    const copy = await s3.send(
      new CopyObjectCommand({ Bucket: 'dev.other', Key: 'copy', CopySource: 'master.images/source%20%281%29' }),
    )
    assert.is(copy.CopyObjectResult?.ETag, written.ETag)
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'dev.other', Key: 'copy' }))
    assert.is(await Body?.transformToString(), 'to be copied')
  })

  objects('a copy onto itself, or from a missing source, is refused', async ({ s3 }) => {
    await put(s3, 'self', 'x')
    const copy = (CopySource: string) =>
      refusal(s3.send(new CopyObjectCommand({ Bucket: 'master.images', Key: 'self', CopySource })))
    assert.is(await copy('images/self'), '400 InvalidRequest')
    assert.is(await copy('images/none'), '404 NoSuchKey')
    assert.is(await copy('none/none'), '404 NoSuchBucket')
  })

  objects('a file and a directory of the same name are refused, in either order', async ({ s3 }) => {
    await put(s3, 'file', 'x')
    assert.is(await refusal(put(s3, 'file/below/it', 'y')), '409 InvalidBucketState')
    await put(s3, 'directory/x', 'x')
    assert.is(await refusal(put(s3, 'directory', 'y')), '409 InvalidBucketState')
    assert.is(await refusal(put(s3, 'directory', Buffer.alloc(2_000_000))), '409 InvalidBucketState')
    assert.is((await read(s3, 'file')).toString(), 'x')
    const outcomes = await Promise.all([refusal(put(s3, 'race', 'x')), refusal(put(s3, 'race/x', 'x'))])
    assert.equal(outcomes.sort(), ['409 InvalidBucketState', 'none'])
  })

  objects('a write to a missing bucket creates no branch', async ({ s3, gateway }) => {
    assert.is(await refusal(put(s3, 'x', 'x', 'none.images')), '404 NoSuchBucket')
    assert.is(await refusal(put(s3, 'x', Buffer.alloc(2_000_000), 'none.images')), '404 NoSuchBucket')
    assert.is(await refusal(put(s3, 'x', 'x', 'none')), '404 NoSuchBucket')
    const { branches } = await gateway.pfs.inspectRepo({ project: 'default', name: 'images', type: 'user' })
    assert.equal(
      branches.map(({ name }) => name),
      ['master'],
    )
  })

  objects('errors name what is missing', async ({ s3 }) => {
    assert.is(await refusal(read(s3, 'none')), '404 NoSuchKey')
    assert.is(await refusal(read(s3, 'directory')), '404 NoSuchKey')
    assert.is(await refusal(read(s3, 'file', { VersionId: 'f'.repeat(32) })), '404 NoSuchVersion')
    assert.is(await refusal(read(s3, 'file', { VersionId: 'nonsense' })), '400 InvalidArgument')
    assert.is(await refusal(s3.send(new HeadBucketCommand({ Bucket: 'none.images' }))), '404 NotFound')
    assert.is(await refusal(s3.send(new HeadBucketCommand({ Bucket: 'none' }))), '404 NotFound')
    assert.is(await refusal(s3.send(new GetObjectCommand({ Bucket: 'a_b.c!d', Key: 'x' }))), '400 InvalidBucketName')
  })

  objects('a bucket at a commit is read-only', async ({ s3 }) => {
    const { VersionId } = await put(s3, 'frozen', 'then')
    await put(s3, 'frozen', 'now')
    const Bucket = `${VersionId}.master.images`
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'frozen' }))
    assert.is(await Body?.transformToString(), 'then')
    assert.is(await refusal(put(s3, 'frozen', 'later', Bucket)), '405 MethodNotAllowed')
  })

  objects('buckets are created, listed, described and deleted', async ({ s3 }) => {
    await s3.send(new CreateBucketCommand({ Bucket: 'made' }))
    await s3.send(new CreateBucketCommand({ Bucket: 'made' }))
    await s3.send(new CreateBucketCommand({ Bucket: 'dev.made', ACL: 'private' }))
    const list = async () => {
      const { Buckets } = await s3.send(new ListBucketsCommand({}))
      return Buckets?.map(({ Name }) => Name).filter((name) => name?.endsWith('.made'))
    }
    assert.equal(await list(), ['dev.made', 'master.made'])
    const location = await s3.send(new GetBucketLocationCommand({ Bucket: 'made' }))
    assert.is(location.LocationConstraint, undefined)
    assert.is((await s3.send(new GetBucketVersioningCommand({ Bucket: 'made' }))).Status, 'Enabled')
    await s3.send(new PutObjectCommand({ Bucket: 'made', Key: 'x', Body: 'x' }))
    assert.is(await refusal(s3.send(new DeleteBucketCommand({ Bucket: 'made' }))), '409 BucketNotEmpty')
    await s3.send(new DeleteObjectCommand({ Bucket: 'made', Key: 'x' }))
    await s3.send(new DeleteBucketCommand({ Bucket: 'made' }))
    assert.equal(await list(), ['dev.made'])
    await s3.send(new DeleteBucketCommand({ Bucket: 'dev.made' }))
    assert.equal(await list(), [])
    assert.is(await refusal(s3.send(new DeleteBucketCommand({ Bucket: 'dev.made' }))), '404 NoSuchBucket')
  })

  objects('buckets are listed in pages', async ({ s3 }) => {
    for (const name of ['p1', 'p2', 'p3']) await s3.send(new CreateBucketCommand({ Bucket: `page.${name}` }))
    const first = await s3.send(new ListBucketsCommand({ Prefix: 'page.', MaxBuckets: 2 }))
    assert.equal(
      first.Buckets?.map(({ Name }) => Name),
      ['page.p1', 'page.p2'],
    )
    const rest = await s3.send(
      new ListBucketsCommand({ Prefix: 'page.', ContinuationToken: first.ContinuationToken ?? '' }),
    )
    assert.equal(
      rest.Buckets?.map(({ Name }) => Name),
      ['page.p3'],
    )
    assert.is(rest.ContinuationToken, undefined)
  })

  objects.run()
}
