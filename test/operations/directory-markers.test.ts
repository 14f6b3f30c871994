import {
  CopyObjectCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { openPfs, type TestPfs } from '../support/test-pfs.js'
import { head, listed, newBucket, put, read, remove } from './versioned-bucket.js'

interface Context {
  readonly opened: TestPfs
  readonly gateway: Gateway
  readonly s3: S3Client
  readonly other: Gateway
  readonly otherS3: S3Client
}

const emptyEtag = '"d41d8cd98f00b204e9800998ecf8427e"'

/** Makes a directory marker; its version id. */
async function mark(s3: S3Client, Bucket: string, Key: string, more: Partial<PutObjectCommandInput> = {}) {
  const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0), ...more }))
  return VersionId
}

/** The keys and common prefixes of all pages, in their order; prefixes stand in brackets. */
async function keysOf(s3: S3Client, Bucket: string, input: Partial<ListObjectsV2CommandInput> = {}): Promise<string[]> {
  const names: string[] = []
  for (let ContinuationToken: string | undefined; ; ) {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket, ...input, ...(ContinuationToken && { ContinuationToken }) }),
    )
    const contents = (page.Contents ?? []).map(({ Key = '' }) => ({ name: Key, shown: Key }))
    const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix = '' }) => ({ name: Prefix, shown: `[${Prefix}]` }))
    assert.is(page.KeyCount, contents.length + prefixes.length)
    const sorted = [...contents, ...prefixes].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    names.push(...sorted.map(({ shown }) => shown))
    if (page.IsTruncated !== true) return names
    ContinuationToken = page.NextContinuationToken
  }
}

/** The paths of all files in a bucket of the project `default`, as a pipeline sees them. */
async function filesOf({ pfs }: Gateway, name: string): Promise<string[]> {
  const repo = { project: 'default', name, type: 'user' } as const
  const paths: string[] = []
  for await (const { file, fileType } of pfs.globFile({ commit: { repo, branch: 'master' }, pattern: '/**' })) {
    if (fileType === 'FILE') paths.push(file.path)
  }
  return paths
}

for (const objectRecords of ['all', 'needed'] as const) {
  const markers = suite<Context>(`directory markers, records of ${objectRecords} writes`)

  /** The second gateway can only use the content of PFS. */
  markers.before(async (context) => {
    const opened = await openPfs()
    const gateway = await startGateway({ opened, overWire: true, options: { objectRecords } })
    const other = await startGateway({ opened, overWire: true, options: { objectRecords } })
    Object.assign(context, { opened, gateway, s3: s3Client(gateway), other, otherS3: s3Client(other) })
  })

  markers.after(async ({ opened, gateway, s3, other, otherS3 }) => {
    s3.destroy()
    otherS3.destroy()
    await other.close()
    await gateway.close()
    await opened.close()
  })

  markers('another gateway sees at once that a marker is made and removed', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.at-once')
    await mark(s3, Bucket, 'first/')
    assert.equal(await keysOf(otherS3, Bucket), ['first/'])
    const id = await mark(s3, Bucket, 'd/')
    assert.is((await head(otherS3, Bucket, 'd/')).VersionId, id)
    await mark(s3, Bucket, 'e/')
    assert.equal(await keysOf(otherS3, Bucket), ['d/', 'e/', 'first/'])
    assert.equal(await keysOf(otherS3, Bucket, { Delimiter: '/' }), ['[d/]', '[e/]', '[first/]'])
    await put(s3, Bucket, 'file', 'x')
    assert.equal(await keysOf(otherS3, Bucket), ['d/', 'e/', 'file', 'first/'])
    await mark(s3, Bucket, 'g/')
    assert.equal(await keysOf(otherS3, Bucket), ['d/', 'e/', 'file', 'first/', 'g/'])
    const removal = await remove(s3, Bucket, 'd/')
    assert.equal(await keysOf(otherS3, Bucket, { Prefix: 'd' }), [])
    await remove(s3, Bucket, 'g/')
    assert.is(await refusal(read(otherS3, Bucket, 'g/')), '404 NoSuchKey')
    const { rows } = await listed(otherS3, Bucket, { Prefix: 'd/' })
    assert.equal(rows, [`d/ ${id} 0`, `>d/ ${removal} -`])
  })

  markers('a marker is read and described, and no pipeline sees a file', async ({ gateway, s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.read')
    await put(s3, Bucket, 'data/file', 'x')
    const more = { Metadata: { mode: '493' }, ContentType: 'application/x-directory', Tagging: 'a=b' }
    const id = await mark(s3, Bucket, 'data/sub/', more)
    await put(s3, Bucket, 'data/later', 'x')
    for (const client of [s3, otherS3]) {
      assert.is(await read(client, Bucket, 'data/sub/'), '')
      assert.is(await read(client, Bucket, 'data/sub/', id), '')
      const { ContentLength, ContentType, Metadata, ETag, VersionId, LastModified, TagCount } = await head(
        client,
        Bucket,
        'data/sub/',
      )
      assert.equal(
        [ContentLength, ContentType, Metadata, ETag, VersionId, TagCount],
        [0, 'application/x-directory', { mode: '493' }, emptyEtag, id, 1],
      )
      assert.ok(LastModified !== undefined && Math.abs(Date.now() - LastModified.getTime()) < 3_600_000)
      assert.is(await refusal(read(client, Bucket, 'data/')), '404 NoSuchKey')
    }
    await s3.send(
      new PutObjectTaggingCommand({ Bucket, Key: 'data/sub/', Tagging: { TagSet: [{ Key: 'c', Value: 'd' }] } }),
    )
    const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'data/sub/' }))
    assert.equal(TagSet, [{ Key: 'c', Value: 'd' }])
    assert.is((await head(s3, Bucket, 'data/sub/')).VersionId, id)
    assert.equal(await filesOf(gateway, 'read'), ['/data/file', '/data/later'])
  })

  markers('markers are listed among the keys, in pages of any length', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.listed')
    const keys = ['a/', 'a/1', 'a/b/', 'a/b/c/', 'a-', 'b/', 'b//', 'c/d/', 'ü/', 'z']
    for (const key of keys) await mark(s3, Bucket, key)
    const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const client of [s3, otherS3]) {
      for (const MaxKeys of [1, 2, 3, 1000]) {
        assert.equal(await keysOf(client, Bucket, { MaxKeys }), sorted)
        const top = ['a-', '[a/]', '[b/]', '[c/]', 'z', '[ü/]']
        assert.equal(await keysOf(client, Bucket, { MaxKeys, Delimiter: '/' }), top)
        const inside = ['a/', 'a/1', '[a/b/]']
        assert.equal(await keysOf(client, Bucket, { MaxKeys, Delimiter: '/', Prefix: 'a/' }), inside)
        assert.equal(await keysOf(client, Bucket, { MaxKeys, Prefix: 'a/b' }), ['a/b/', 'a/b/c/'])
        assert.equal(await keysOf(client, Bucket, { MaxKeys, Prefix: 'b/', Delimiter: '/' }), ['b/', '[b//]'])
      }
      assert.equal(await keysOf(client, Bucket, { StartAfter: 'a/b/' }), ['a/b/c/', 'b/', 'b//', 'c/d/', 'z', 'ü/'])
    }
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'c/' }))
    const { LastModified, ETag } = await head(s3, Bucket, 'c/d/')
    assert.equal(
      Contents.map((each) => [each.ETag, each.Size, Math.floor(Number(each.LastModified) / 1000)]),
      [[ETag, 0, Number(LastModified) / 1000]],
    )
  })

  markers('a deleted marker is gone, and can be restored', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.deleted')
    const first = await mark(s3, Bucket, 'd/')
    const marker = await remove(otherS3, Bucket, 'd/')
    for (const client of [otherS3, s3]) {
      client === s3 && (await remove(s3, Bucket, 'nothing/'))
      const gone = client.send(new HeadObjectCommand({ Bucket, Key: 'd/' }))
      assert.is(await refusal(gone), '404 NotFound')
      assert.equal(await keysOf(client, Bucket), [])
      assert.is(await read(client, Bucket, 'd/', first), '')
      assert.is(await refusal(read(client, Bucket, 'd/', marker)), '405 MethodNotAllowed')
      assert.equal((await listed(client, Bucket)).rows, [`d/ ${first} 0`, `>d/ ${marker} -`])
    }
    const again = await mark(s3, Bucket, 'd/')
    assert.equal((await listed(s3, Bucket)).rows, [`>d/ ${again} 0`, `d/ ${first} 0`, `d/ ${marker} -`])
    assert.equal(await keysOf(s3, Bucket), ['d/'])
  })

  markers('versions of markers are listed in pages, with and without delimiter', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.versions')
    const rows: string[] = []
    for (const key of ['a/', 'b/', 'b/c/', 'd']) {
      const older = await mark(s3, Bucket, key)
      const newer = await put(s3, Bucket, 'x', key).then(() => mark(s3, Bucket, key))
      if (key.endsWith('/')) rows.push(`>${key} ${newer} 0`, `${key} ${older} 0`)
    }
    for (const client of [s3, otherS3]) {
      const found: string[] = []
      for (let marker = {}; ; ) {
        const { page, rows: some } = await listed(client, Bucket, { MaxKeys: 1, ...marker })
        found.push(...some)
        if (page.IsTruncated !== true) break
        marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      }
      assert.equal(
        found.filter((row) => row.includes('/ ')),
        rows,
      )
      const grouped = await listed(client, Bucket, { Delimiter: '/' })
      assert.equal(grouped.prefixes, ['a/', 'b/'])
      const below = await listed(client, Bucket, { Delimiter: '/', Prefix: 'b/' })
      assert.equal([below.rows, below.prefixes], [rows.slice(2, 4), ['b/c/']])
    }
  })

  markers('versions of markers are deleted one by one', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.hidden')
    const hide = (VersionId: string) => s3.send(new DeleteObjectCommand({ Bucket, Key: 'd/', VersionId }))
    const first = await mark(s3, Bucket, 'd/')
    const second = await mark(s3, Bucket, 'd/')
    const marker = await remove(s3, Bucket, 'd/')
    assert.is((await hide(marker)).DeleteMarker, true)
    assert.is((await head(s3, Bucket, 'd/')).VersionId, second)
    assert.equal(await keysOf(s3, Bucket), ['d/'])
    await hide(second)
    assert.is((await head(s3, Bucket, 'd/')).VersionId, first)
    assert.is(await refusal(read(s3, Bucket, 'd/', second)), '404 NoSuchVersion')
    assert.equal((await listed(s3, Bucket)).rows, [`>d/ ${first} 0`])
    await hide(first)
    assert.is(await refusal(read(s3, Bucket, 'd/')), '404 NoSuchKey')
    for (const client of [s3, otherS3]) {
      const { rows, prefixes } = await listed(client, Bucket, { Delimiter: '/' })
      assert.equal([rows, prefixes, await keysOf(client, Bucket)], [[], undefined, []])
    }
  })

  markers('a key alternates between a marker and a file', async ({ gateway, s3 }) => {
    const Bucket = await newBucket(s3, 'master.both')
    const hide = (VersionId: string) => s3.send(new DeleteObjectCommand({ Bucket, Key: 'd/', VersionId }))
    const first = await mark(s3, Bucket, 'd/')
    const second = await put(s3, Bucket, 'd/', 'full')
    assert.equal([await read(s3, Bucket, 'd/'), await filesOf(gateway, 'both')], ['full', ['/d%2F']])
    const third = await mark(s3, Bucket, 'd/')
    assert.equal([await read(s3, Bucket, 'd/'), await filesOf(gateway, 'both')], ['', []])
    assert.equal((await listed(s3, Bucket)).rows, [`>d/ ${third} 0`, `d/ ${second} 4`, `d/ ${first} 0`])
    assert.is(await read(s3, Bucket, 'd/', second), 'full')
    await hide(third)
    assert.equal([await read(s3, Bucket, 'd/'), await keysOf(s3, Bucket)], ['full', ['d/']])
    await hide(second)
    assert.equal([await read(s3, Bucket, 'd/'), await filesOf(gateway, 'both')], ['', []])
    assert.equal((await listed(s3, Bucket)).rows, [`>d/ ${first} 0`])
    assert.equal(await keysOf(s3, Bucket), ['d/'])
    await put(s3, Bucket, 'd/', 'again')
    await remove(s3, Bucket, 'd/')
    assert.is(await refusal(read(s3, Bucket, 'd/')), '404 NoSuchKey')
    assert.equal(await keysOf(s3, Bucket), [])
  })

  markers('markers that are files are read, listed and replaced', async ({ gateway, s3 }) => {
    const Bucket = await newBucket(s3, 'master.legacy')
    const repo = { project: 'default', name: 'legacy', type: 'user' } as const
    const files = ['/old%2F', '/older%2F'].map((path) => ({ addFile: { path, raw: new Uint8Array() } }))
    await gateway.pfs.modifyFile({ repo, branch: 'master' }, files)
    assert.equal([await read(s3, Bucket, 'old/'), await keysOf(s3, Bucket)], ['', ['old/', 'older/']])
    await mark(s3, Bucket, 'old/')
    assert.equal([await keysOf(s3, Bucket), await filesOf(gateway, 'legacy')], [['old/', 'older/'], ['/older%2F']])
    await remove(s3, Bucket, 'older/')
    assert.equal(await keysOf(s3, Bucket), ['old/'])
  })

  markers('directories are renamed by copies and deletions, as Hadoop does', async ({ gateway, s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.renamed')
    const keys = ['from/', 'from/a/', 'from/a/b/', 'from/a/b/part-0', 'from/c/']
    await Promise.all(keys.map((key) => (key.endsWith('/') ? mark(s3, Bucket, key) : put(s3, Bucket, key, 'x'))))
    await Promise.all(
      keys.map((key) =>
        s3.send(
          new CopyObjectCommand({
            Bucket,
            Key: key.replace('from', 'to'),
            CopySource: `${Bucket}/${encodeURIComponent(key)}`,
          }),
        ),
      ),
    )
    const { Deleted = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...keys, 'never/'].map((Key) => ({ Key })) } }),
    )
    assert.is(Deleted.length, 6)
    for (const client of [s3, otherS3]) {
      assert.equal(
        await keysOf(client, Bucket),
        keys.map((key) => key.replace('from', 'to')),
      )
    }
    assert.equal(await filesOf(gateway, 'renamed'), ['/to/a/b/part-0'])
    // A copy to a key without a slash is a file.
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'flat', CopySource: `${Bucket}/to/` }))
    assert.equal(await filesOf(gateway, 'renamed'), ['/flat', '/to/a/b/part-0'])
  })

  markers('conditions see markers', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.conditions')
    const made = await Promise.all([1, 2, 3].map(() => refusal(mark(s3, Bucket, 'd/', { IfNoneMatch: '*' }))))
    assert.equal(made.sort(), ['412 PreconditionFailed', '412 PreconditionFailed', 'none'])
    assert.is(await refusal(mark(otherS3, Bucket, 'd/', { IfNoneMatch: '*' })), '412 PreconditionFailed')
    assert.is(await refusal(mark(s3, Bucket, 'd/', { IfMatch: '"other"' })), '412 PreconditionFailed')
    await mark(s3, Bucket, 'd/', { IfMatch: emptyEtag })
    const remove = (IfMatch: string) => s3.send(new DeleteObjectCommand({ Bucket, Key: 'd/', IfMatch }))
    assert.is(await refusal(remove('"other"')), '412 PreconditionFailed')
    await remove(emptyEtag)
    assert.is(await refusal(remove(emptyEtag)), '404 NoSuchKey')
  })

  markers('a deletion that is asked for twice takes one version', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.twice')
    const ids = [await mark(s3, Bucket, 'd/'), await mark(s3, Bucket, 'd/'), await mark(s3, Bucket, 'd/')]
    for (const _ of [1, 2]) await s3.send(new DeleteObjectCommand({ Bucket, Key: 'd/', VersionId: ids[2] }))
    assert.equal((await listed(s3, Bucket)).rows, [`>d/ ${ids[1]} 0`, `d/ ${ids[0]} 0`])
  })

  markers('a gateway forgets what it knows of a key when another one has written records', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.stale')
    await mark(s3, Bucket, 'd/')
    assert.is((await head(otherS3, Bucket, 'd/')).ContentLength, 0)
    await remove(s3, Bucket, 'd/')
    // A deletion of a marker looks at what others have written.
    await remove(otherS3, Bucket, 'other/')
    assert.is(await refusal(otherS3.send(new HeadObjectCommand({ Bucket, Key: 'd/' }))), '404 NotFound')
  })

  markers('a bucket with a marker is not empty', async ({ s3, otherS3 }) => {
    const Bucket = await newBucket(s3, 'master.not-empty')
    await mark(s3, Bucket, 'd/')
    for (const client of [s3, otherS3]) {
      assert.is(await refusal(client.send(new DeleteBucketCommand({ Bucket }))), '409 BucketNotEmpty')
    }
    await remove(s3, Bucket, 'd/')
    await otherS3.send(new DeleteBucketCommand({ Bucket }))
  })

  markers('each branch has its markers', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.branches')
    await newBucket(s3, 'dev.branches')
    await mark(s3, Bucket, 'm/')
    await mark(s3, 'dev.branches', 'd/')
    assert.equal([await keysOf(s3, Bucket), await keysOf(s3, 'dev.branches')], [['m/'], ['d/']])
    assert.is(await refusal(read(s3, Bucket, 'd/')), '404 NoSuchKey')
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copied/', CopySource: 'dev.branches/d/' }))
    assert.equal(await keysOf(s3, Bucket), ['copied/', 'm/'])
  })

  markers('a commit of the branch has the markers of that time', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.times')
    const before = await put(s3, Bucket, 'x', '1')
    const id = await mark(s3, Bucket, 'd/')
    const after = await put(s3, Bucket, 'x', '2')
    await remove(s3, Bucket, 'd/')
    assert.is(await refusal(read(s3, Bucket, 'd/', before)), '404 NoSuchVersion')
    for (const version of [id, after]) {
      assert.is(await read(s3, Bucket, 'd/', version), '')
      assert.is(await read(s3, `${version}.${Bucket}`, 'd/'), '')
    }
    assert.is(await refusal(read(s3, `${before}.${Bucket}`, 'd/')), '404 NoSuchKey')
  })

  markers.run()
}

const off = suite('directory markers without records')

off('are files', async () => {
  const gateway = await startGateway({ options: { objectRecords: 'off' } })
  const s3 = s3Client(gateway)
  const Bucket = await newBucket(s3, 'master.off')
  await mark(s3, Bucket, 'd/')
  assert.equal([await keysOf(s3, Bucket), await filesOf(gateway, 'off')], [['d/'], ['/d%2F']])
  s3.destroy()
  await gateway.close()
})

off.run()
