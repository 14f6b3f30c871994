import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client } from '../../support/s3-client.js'
import { openPfs, type TestPfs, wires } from '../../support/test-pfs.js'
import { Bucket, begin, complete, partBytes, read, sendPart } from './uploads.js'

const metaRepo = { project: 'default', name: 'images', type: 'meta' } as const

/** The same behaviour over memory and over the wire. */
/** Checks the version of a completion; a response that begins before the work is done, on a busy PFS, does not tell it. */
function assertVersion(answer: { readonly VersionId?: string | undefined }, expected: string | undefined): void {
  assert.is(answer.VersionId ?? expected, expected)
}

for (const overWire of wires) {
  const multipart = suite<{ opened: TestPfs; gateway: Gateway; s3: S3Client }>(
    `multipart ${overWire ? 'over the wire' : 'in memory'}`,
  )

  multipart.before.each(async (context) => {
    context.opened = await openPfs()
    context.gateway = await startGateway({ opened: context.opened, overWire })
    context.s3 = s3Client(context.gateway)
    await context.s3.send(new CreateBucketCommand({ Bucket }))
  })

  multipart.after.each(async ({ opened, gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
    await opened.close()
  })

  multipart('an upload to a missing bucket creates nothing', async ({ s3, gateway }) => {
    assert.is(await refusal(begin(s3, 'x', { Bucket: 'none.images' })), '404 NoSuchBucket')
    assert.is(await refusal(begin(s3, 'x', { Bucket: 'none' })), '404 NoSuchBucket')
    const missing = await gateway.pfs.inspectRepo(metaRepo).catch((error: Error) => error.message)
    assert.is(missing, 'repo default/images.meta not found')
  })

  multipart('an unknown upload is refused before the body is read', async ({ s3 }) => {
    const upload = await begin(s3, 'x')
    for (const UploadId of [
      'nonsense',
      '../../x',
      `${upload.UploadId.slice(0, -1)}g`,
      `0${upload.UploadId.slice(1)}`,
    ]) {
      if (UploadId === upload.UploadId) continue
      assert.is(await refusal(sendPart(s3, { ...upload, UploadId }, 1, 'x')), '404 NoSuchUpload')
      assert.is(
        await refusal(complete(s3, { ...upload, UploadId }, [{ PartNumber: 1, ETag: 'x', ChecksumCRC32: 'AAAAAA==' }])),
        '404 NoSuchUpload',
      )
      assert.is(await refusal(s3.send(new ListPartsCommand({ ...upload, UploadId }))), '404 NoSuchUpload')
      assert.is(await refusal(s3.send(new AbortMultipartUploadCommand({ ...upload, UploadId }))), '404 NoSuchUpload')
    }
    assert.is(await refusal(sendPart(s3, { ...upload, Key: 'y' }, 1, 'x')), '404 NoSuchUpload')
    for (const UploadId of [upload.UploadId, 'nonsense']) {
      const missing = { ...upload, Bucket: 'none.images', UploadId }
      assert.is(await refusal(sendPart(s3, missing, 1, 'x')), '404 NoSuchBucket')
      assert.is(await refusal(s3.send(new AbortMultipartUploadCommand(missing))), '404 NoSuchBucket')
    }
  })

  multipart('parts sent in any order become one object', async ({ s3, gateway }) => {
    const upload = await begin(s3, 'joined')
    const first = Buffer.alloc(partBytes, 'first')
    const second = Buffer.alloc(partBytes + 1, 'second')
    const parts = await Promise.all([
      sendPart(s3, upload, 7, 'last'),
      sendPart(s3, upload, 2, second),
      sendPart(s3, upload, 1, first),
    ])
    const done = await complete(s3, upload, parts.reverse())
    assert.ok((await read(s3, 'joined')).equals(Buffer.concat([first, second, Buffer.from('last')])))
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'joined' }))
    assert.is(head.ETag, done.ETag)
    assertVersion(done, head.VersionId)
    assert.match(done.ETag ?? '', /^"[0-9a-f]{32}-3"$/)
    const left: string[] = []
    for await (const { file } of gateway.pfs.globFile({
      commit: { repo: metaRepo, branch: 's3-uploads' },
      pattern: '/**',
    })) {
      if (!file.path.endsWith('/')) left.push(file.path.split('/')[1] ?? '')
    }
    assert.equal(left, ['completed'])
  })

  multipart('only the listed parts are joined, and the latest upload of a part counts', async ({ s3 }) => {
    const upload = await begin(s3, 'some')
    await sendPart(s3, upload, 1, Buffer.alloc(partBytes, 'a'))
    const one = await sendPart(s3, upload, 1, Buffer.alloc(partBytes, 'b'))
    await sendPart(s3, upload, 2, 'left out')
    const three = await sendPart(s3, upload, 3, 'end')
    await complete(s3, upload, [one, three])
    const whole = await read(s3, 'some')
    assert.is(whole.length, partBytes + 3)
    assert.is(`${whole.subarray(0, 2)}${whole.subarray(-3)}`, 'bbend')
  })

  multipart('an upload may have one part, even an empty one', async ({ s3 }) => {
    const upload = await begin(s3, 'empty')
    await complete(s3, upload, [await sendPart(s3, upload, 1, '')])
    assert.is((await read(s3, 'empty')).length, 0)
  })

  multipart('part numbers are from 1 to 10,000', async ({ s3 }) => {
    const upload = await begin(s3, 'numbers')
    for (const number of [0, 10_001, 1.5, -1]) {
      assert.is(await refusal(sendPart(s3, upload, number, 'x')), '400 InvalidArgument')
    }
    const last = await sendPart(s3, upload, 10_000, 'x')
    await complete(s3, upload, [last])
  })

  multipart('an empty last part is read as no bytes', async ({ s3 }) => {
    const upload = await begin(s3, 'tail', { ChecksumAlgorithm: 'SHA256' })
    const checked = { ChecksumAlgorithm: 'SHA256' } as const
    const parts = [
      await sendPart(s3, upload, 1, Buffer.alloc(partBytes), checked),
      await sendPart(s3, upload, 2, '', checked),
    ]
    await complete(s3, upload, parts)
    const part = { Bucket, Key: 'tail', PartNumber: 2, ChecksumMode: 'ENABLED' } as const
    const { ContentLength, ContentRange, PartsCount, ChecksumSHA256, Body, $metadata } = await s3.send(
      new GetObjectCommand(part),
    )
    assert.equal([ContentLength, ContentRange, PartsCount, $metadata.httpStatusCode], [0, undefined, 2, 200])
    assert.is(ChecksumSHA256, parts[1]?.ChecksumSHA256)
    assert.is((await Body?.transformToByteArray())?.length ?? 0, 0)
    assert.is((await s3.send(new HeadObjectCommand(part))).ContentLength, 0)
  })

  multipart('an invalid completion is refused, and the upload stays', async ({ s3 }) => {
    const upload = await begin(s3, 'refused')
    const one = await sendPart(s3, upload, 1, 'too small')
    const two = await sendPart(s3, upload, 2, 'end')
    const refused = async (...parts: object[]) => refusal(complete(s3, upload, parts))
    assert.is(await refused(), '400 MalformedXML')
    assert.is(await refused(one, two), '400 EntityTooSmall')
    assert.is(await refused(two, one), '400 InvalidPartOrder')
    assert.is(await refused(two, two), '400 InvalidPartOrder')
    assert.is(await refused({ ...one, ETag: two.ETag }), '400 InvalidPart')
    assert.is(await refused({ ...one, PartNumber: 3 }), '400 InvalidPart')
    assert.is(await refused({ ...one, PartNumber: 10_001 }), '400 InvalidArgument')
    assert.is(await refusal(read(s3, 'refused')), '404 NoSuchKey')
    await complete(s3, upload, [{ ...one, ETag: one.ETag?.replaceAll('"', '') }])
    assert.is((await read(s3, 'refused')).toString(), 'too small')
  })

  multipart('a repeated completion gets the same response, a different one fails', async ({ s3 }) => {
    const upload = await begin(s3, 'again')
    const [one, two] = [await sendPart(s3, upload, 1, 'one'), await sendPart(s3, upload, 2, 'two')]
    const first = await complete(s3, upload, [one])
    await s3.send(new PutObjectCommand({ Bucket, Key: 'again', Body: 'written since' }))
    const { $metadata: _, ...again } = await complete(s3, upload, [one])
    const { $metadata: __, ...before } = first
    assert.equal(again, before)
    assert.is((await read(s3, 'again')).toString(), 'written since')
    assert.is(await refusal(complete(s3, upload, [two])), '404 NoSuchUpload')
    assert.is(await refusal(sendPart(s3, upload, 3, 'late')), '404 NoSuchUpload')
    assert.is(await refusal(s3.send(new AbortMultipartUploadCommand(upload))), '404 NoSuchUpload')
    assert.is(await refusal(s3.send(new ListPartsCommand(upload))), '404 NoSuchUpload')
  })

  multipart('two concurrent completions of an upload make one version', async ({ s3, gateway }) => {
    const upload = await begin(s3, 'twice')
    const part = await sendPart(s3, upload, 1, 'x')
    const answers = await Promise.all(Array.from({ length: 5 }, () => complete(s3, upload, [part])))
    assert.is(new Set(answers.map(({ ETag }) => ETag)).size, 1)
    const versions: string[] = []
    const commit = { repo: { project: 'default', name: 'images', type: 'user' }, branch: 'master' } as const
    for await (const found of gateway.pfs.findCommits({ start: commit, filePath: '/twice' })) {
      if ('foundCommit' in found) versions.push(found.foundCommit.id ?? '')
    }
    assert.is(versions.length, 1)
    for (const answer of answers) assertVersion(answer, versions[0])
  })

  multipart('an upload is aborted only if it began when the client expects', async ({ s3 }) => {
    const upload = await begin(s3, 'expected')
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }))
    const initiated = Uploads[0]?.Initiated ?? new Date(0)
    const abort = (at: Date) => s3.send(new AbortMultipartUploadCommand({ ...upload, IfMatchInitiatedTime: at }))
    assert.is(await refusal(abort(new Date(initiated.getTime() - 1000))), '412 PreconditionFailed')
    await abort(initiated)
    assert.is(await refusal(abort(initiated)), '404 NoSuchUpload')
  })

  multipart('an aborted upload is gone, even if it is completed concurrently', async ({ s3 }) => {
    const upload = await begin(s3, 'aborted')
    const part = await sendPart(s3, upload, 1, 'x')
    const outcomes = await Promise.all([
      refusal(s3.send(new AbortMultipartUploadCommand(upload))),
      refusal(complete(s3, upload, [part])),
    ])
    assert.equal(outcomes.sort(), ['404 NoSuchUpload', 'none'])
    assert.is(await refusal(sendPart(s3, upload, 2, 'x')), '404 NoSuchUpload')
  })

  multipart('conditions are checked in the turn of the completion', async ({ s3 }) => {
    const upload = await begin(s3, 'conditional')
    const part = await sendPart(s3, upload, 1, 'new')
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: 'conditional', Body: 'old' }))
    // Written since the upload began, as opposed to the one that begins now.
    const conflict = '409 ConditionalRequestConflict'
    assert.is(await refusal(complete(s3, upload, [part], { IfNoneMatch: '*' })), conflict)
    const later = await begin(s3, 'conditional')
    const laterPart = await sendPart(s3, later, 1, 'new')
    await s3.send(new PutObjectCommand({ Bucket, Key: 'conditional', Body: 'old' }))
    assert.is(await refusal(complete(s3, later, [laterPart], { IfNoneMatch: '*' })), '412 PreconditionFailed')
    assert.is(await refusal(complete(s3, upload, [part], { IfMatch: '"none"' })), '412 PreconditionFailed')
    assert.is((await read(s3, 'conditional')).toString(), 'old')
    await complete(s3, upload, [part], { IfMatch: ETag })
    assert.is((await read(s3, 'conditional')).toString(), 'new')
  })

  multipart('an object that would replace a directory is refused', async ({ s3 }) => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'directory/x', Body: 'x' }))
    const upload = await begin(s3, 'directory')
    const part = await sendPart(s3, upload, 1, 'new')
    assert.is(await refusal(complete(s3, upload, [part])), '409 InvalidBucketState')
    assert.is((await read(s3, 'directory/x')).toString(), 'x')
  })

  multipart('any replica can continue an upload, even after a restart', async ({ opened, s3 }) => {
    const upload = await begin(s3, 'replicas')
    const one = await sendPart(s3, upload, 1, Buffer.alloc(partBytes, 'a'))
    const other = await startGateway({ opened, overWire })
    const replica = s3Client(other)
    try {
      const two = await sendPart(replica, upload, 2, 'b')
      const listed = await replica.send(new ListPartsCommand(upload))
      assert.equal(
        listed.Parts?.map(({ ETag }) => ETag),
        [one.ETag, two.ETag],
      )
      const done = await complete(replica, upload, [one, two])
      const again = await complete(s3, upload, [one, two])
      assert.is(again.ETag, done.ETag)
      const { VersionId } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'replicas' }))
      for (const each of [done, again]) assertVersion(each, VersionId)
      assert.is((await read(s3, 'replicas')).length, partBytes + 1)
    } finally {
      replica.destroy()
      await other.close()
    }
  })

  multipart('parts are in no bucket, and are deleted with the repo', async ({ s3, gateway }) => {
    const upload = await begin(s3, 'x')
    await sendPart(s3, upload, 1, 'x')
    const { Buckets } = await s3.send(new ListBucketsCommand({}))
    assert.equal(
      Buckets?.map(({ Name }) => Name),
      [Bucket],
    )
    assert.is(await refusal(read(s3, `parts/${upload.UploadId}/00001`)), '404 NoSuchKey')
    assert.is(
      await refusal(read(s3, `parts/${upload.UploadId}/00001`, { Bucket: 's3-uploads.images' })),
      '404 NoSuchBucket',
    )
    await s3.send(new DeleteBucketCommand({ Bucket }))
    const missing = await gateway.pfs.inspectRepo(metaRepo).catch((error: Error) => error.message)
    assert.is(missing, 'repo default/images.meta not found')
  })

  multipart('keys that are not valid PFS paths are returned unchanged', async ({ s3 }) => {
    for (const Key of ['photo (1).jpg', 'ünï/😀', 'a//b', 'dir/', '%28', 'k'.repeat(1024)]) {
      const upload = await begin(s3, Key)
      await complete(s3, upload, [await sendPart(s3, upload, 1, Key)])
      assert.is((await read(s3, Key)).toString(), Key)
    }
  })

  multipart('lib-storage uploads with its defaults', async ({ s3 }) => {
    const Body = Buffer.alloc(3 * partBytes + 17, 'lib-storage')
    const done = await new Upload({ client: s3, params: { Bucket, Key: 'lib', Body } }).done()
    assert.ok((await read(s3, 'lib')).equals(Body))
    assert.match(done.ChecksumCRC32 ?? '', /-4$/)
  })

  multipart.run()
}
