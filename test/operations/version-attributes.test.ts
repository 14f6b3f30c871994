import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
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
import { sweepUploads } from '../../lib/index.js'
import { PfsError } from '../../lib/pfs/errors.js'
import { emptyFileHash } from '../../lib/pfs/file-hash.js'
import { recordPath } from '../../lib/records/record-path.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.attributes'
const repo = { project: 'default', name: 'attributes', type: 'user' } as const

interface Context {
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Clients of the gateway and, after a flush, of one that knows nothing but what is in PFS. */
  everywhere(work: (client: S3Client) => Promise<void>): Promise<void>
}

const attributes = suite<Context>('the attributes of versions with the same bytes')

attributes.before(async (context) => {
  const gateway = await startGateway({ options: { objectRecords: 'all' } })
  const s3 = s3Client(gateway)
  Object.assign(context, {
    gateway,
    s3,
    async everywhere(work: (client: S3Client) => Promise<void>) {
      await work(s3)
      await gateway.flush()
      await work(s3)
      const other = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
      const client = s3Client(other)
      await work(client)
      client.destroy()
      await other.close()
    },
  })
  await s3.send(new CreateBucketCommand({ Bucket }))
})

attributes.after(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

const put = async (s3: S3Client, Key: string, more: Partial<PutObjectCommandInput> = {}): Promise<string> => {
  const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'same', ...more }))
  return VersionId
}
/** A time as HTTP headers tell it, in milliseconds. */
const seconds = (time = new Date(0)) => Math.floor(time.getTime() / 1000) * 1000
const head = (s3: S3Client, Key: string, VersionId?: string, bucket = Bucket) =>
  s3.send(new HeadObjectCommand({ Bucket: bucket, Key, VersionId }))
const tagsOf = async (s3: S3Client, Key: string, VersionId?: string, bucket = Bucket) => {
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key, VersionId }))
  return TagSet.map((tag) => `${tag.Key}=${tag.Value}`).join('&')
}
const tag = (s3: S3Client, Key: string, text: string, VersionId?: string, bucket = Bucket) => {
  const TagSet = [{ Key: 'tag', Value: text }]
  return s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key, VersionId, Tagging: { TagSet } }))
}

attributes('are those of each write', async ({ s3, everywhere }) => {
  const written: [id: string, metadata: Record<string, string>, tags: string][] = []
  for (const v of ['1', '2', '1']) {
    written.push([await put(s3, 'k', { Metadata: { v }, Tagging: `tag=${v}` }), { v }, `tag=${v}`])
  }
  written.push([await put(s3, 'k'), {}, ''])
  await put(s3, 'elsewhere', { Body: 'so that the last write is not the head' })
  await everywhere(async (client) => {
    for (const [id, metadata, tags] of written) {
      const found = await head(client, 'k', id)
      assert.equal([found.Metadata, found.VersionId, await tagsOf(client, 'k', id)], [metadata, id, tags])
    }
    assert.equal((await head(client, 'k')).Metadata, {})
  })
})

attributes('of a copy onto itself do not change those before', async ({ s3, everywhere }) => {
  const first = await put(s3, 'copied', { ContentType: 'a/b', Metadata: { v: '1' } })
  const MetadataDirective = 'REPLACE'
  const CopySource = `${Bucket}/copied`
  const { VersionId: second } = await s3.send(
    new CopyObjectCommand({ Bucket, Key: 'copied', CopySource, MetadataDirective, Metadata: { v: '2' } }),
  )
  await everywhere(async (client) => {
    const found = await Promise.all([first, second, undefined].map((id) => head(client, 'copied', id)))
    assert.equal(
      found.map(({ Metadata, ContentType }) => [Metadata?.v, ContentType]),
      [
        ['1', 'a/b'],
        ['2', 'binary/octet-stream'],
        ['2', 'binary/octet-stream'],
      ],
    )
  })
})

attributes('of other branches are separate', async ({ gateway, s3, everywhere }) => {
  await put(s3, 'forked', { Metadata: { v: 'master' }, Tagging: 'tag=master' })
  await gateway.flush()
  const headCommit = { repo, branch: 'master' }
  const { commit } = await gateway.pfs.inspectCommit({ commit: headCommit, wait: 'FINISHED' })
  for (const name of ['fork', 'tagged']) await gateway.pfs.createBranch({ branch: { repo, name }, head: commit })
  await s3.send(
    new PutObjectCommand({ Bucket: 'fork.attributes', Key: 'forked', Body: 'same', Metadata: { v: 'fork' } }),
  )
  await tag(s3, 'forked', 'tagged', undefined, 'tagged.attributes')
  await put(s3, 'elsewhere', { Body: 'later' })
  await everywhere(async (client) => {
    const found = []
    for (const name of ['master', 'fork', 'tagged']) {
      const bucket = `${name}.attributes`
      const { Metadata } = await head(client, 'forked', undefined, bucket)
      found.push([Metadata?.v, await tagsOf(client, 'forked', undefined, bucket)])
    }
    assert.equal(found, [
      ['master', 'tag=master'],
      ['fork', ''],
      ['master', 'tag=tagged'],
    ])
  })
})

attributes('have the ETag of a multipart upload only for that', async ({ s3, everywhere }) => {
  const Key = 'parts'
  const first = await put(s3, Key)
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))
  const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'same' }))
  await s3.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  )
  // A late answer does not name the version.
  const { VersionId: second } = await head(s3, Key)
  const third = await put(s3, Key)
  const md5 = createHash('md5').update('same').digest()
  const whole = `"${md5.toString('hex')}"`
  const composite = `"${createHash('md5').update(md5).digest('hex')}-1"`
  await everywhere(async (client) => {
    const etags = await Promise.all([first, second, third].map(async (id) => (await head(client, Key, id)).ETag))
    assert.equal(etags, [whole, composite, whole])
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))
    assert.equal(
      Versions.map((version) => version.ETag),
      [whole, composite, whole],
    )
  })
})

attributes('tags are set for one version', async ({ s3, everywhere }) => {
  const ids = [await put(s3, 'tags'), await put(s3, 'tags', { Tagging: 'tag=b' }), await put(s3, 'tags')]
  await tag(s3, 'tags', 'first', ids[0])
  await tag(s3, 'tags', 'current')
  await everywhere(async (client) => {
    const tags = await Promise.all(ids.map((id) => tagsOf(client, 'tags', id)))
    assert.equal(tags, ['tag=first', 'tag=b', 'tag=current'])
  })
  await tag(s3, 'tags', 'again')
  await everywhere(async (client) => assert.is(await tagsOf(client, 'tags'), 'tag=again'))
})

attributes('are back when the version after is deleted', async ({ s3, everywhere }) => {
  await put(s3, 'deleted', { Metadata: { v: '1' } })
  const second = await put(s3, 'deleted', { Metadata: { v: '2' } })
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'deleted', VersionId: second }))
  await everywhere(async (client) => assert.equal((await head(client, 'deleted')).Metadata, { v: '1' }))
})

attributes('of directory markers are those of each write', async ({ s3, everywhere }) => {
  const first = await put(s3, 'd/', { Body: '', Metadata: { v: '1' } })
  await tag(s3, 'd/', 'first', first)
  await put(s3, 'd/', { Body: '', Metadata: { v: '2' } })
  await everywhere(async (client) => {
    const old = await head(client, 'd/', first)
    assert.equal([old.Metadata, await tagsOf(client, 'd/', first)], [{ v: '1' }, 'tag=first'])
    assert.equal([(await head(client, 'd/')).Metadata, await tagsOf(client, 'd/')], [{ v: '2' }, ''])
  })
})

attributes('tags of an object of pachctl belong to the commit that wrote it', async ({ gateway, s3, everywhere }) => {
  const commit = { repo, branch: 'master' }
  await gateway.pfs.modifyFile(commit, [{ addFile: { path: '/foreign', raw: Buffer.from('x') } }])
  const { id } = (await gateway.pfs.inspectCommit({ commit, wait: 'FINISHED' })).commit
  await put(s3, 'elsewhere', { Body: 'later still' })
  await tag(s3, 'foreign', 'mine')
  await everywhere(async (client) => {
    assert.is(await tagsOf(client, 'foreign'), 'tag=mine')
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'foreign' }))
    assert.equal(
      Versions.map(({ VersionId }) => VersionId),
      [id],
    )
    assert.is((await head(client, 'foreign')).VersionId, id)
  })
})

attributes('tags that another gateway sets before it knows the version of a write stay', async ({ gateway, s3 }) => {
  const other = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const otherS3 = s3Client(other)
  for (const [key, more] of [
    ['plain', {}],
    ['described', { Metadata: { v: '1' } }],
  ] as const) {
    await put(s3, key, more)
    await tag(otherS3, key, 'other')
    await gateway.flush()
    for (const client of [s3, otherS3]) {
      assert.is(await tagsOf(client, key), 'tag=other')
      const { ETag, Metadata } = await head(client, key)
      assert.equal(
        [ETag, Metadata],
        [`"${createHash('md5').update('same').digest('hex')}"`, 'Metadata' in more ? more.Metadata : {}],
      )
    }
  }
  otherS3.destroy()
  await other.close()
})

attributes('that were written before the crash of a gateway are those of its write', async ({ gateway }) => {
  const crashed = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const client = s3Client(crashed)
  await put(client, 'crashed', { Metadata: { v: '1' } })
  await crashed.flush()
  await put(client, 'crashed', { Metadata: { v: '2' } })
  const other = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const otherS3 = s3Client(other)
  await put(otherS3, 'elsewhere', { Body: 'behind the crash' })
  assert.equal((await head(otherS3, 'crashed')).Metadata, { v: '2' })
  for (const each of [client, otherS3]) each.destroy()
  await other.close()
  await crashed.close()
})

attributes(
  'of a record in which versions follow in lines of their own are read',
  async ({ gateway, s3, everywhere }) => {
    const id = await put(s3, 'dir/old', { Body: '' })
    await gateway.flush()
    const path = recordPath('/dir/old', Buffer.from(emptyFileHash).toString('hex'))
    const version = { commitId: id, branch: 'master', time: new Date().toISOString() }
    const lines = [
      { format: 1, key: 'dir/old', metadata: { v: 'old' } },
      { format: 1, versions: [version] },
    ]
    const raw = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    const meta = { ...repo, type: 'meta' } as const
    await gateway.pfs.modifyFile({ repo: meta, branch: 's3-records' }, [
      { deleteFile: { path } },
      { addFile: { path, raw } },
    ])
    await put(s3, 'elsewhere', { Body: 'behind the old record' })
    await everywhere(async (client) => {
      const { Metadata, VersionId } = await head(client, 'dir/old')
      assert.equal([Metadata, VersionId], [{ v: 'old' }, id])
    })
  },
)

/** Asserts the attributes of a key at a commit, named as a bucket and as a version. */
const assertAt = async (client: S3Client, commitId: string, Key: string, metadata: Record<string, string>) => {
  const found = await Promise.all([head(client, Key, commitId), head(client, Key, undefined, `${commitId}.${Bucket}`)])
  assert.equal(
    found.map(({ Metadata }) => Metadata),
    [metadata, metadata],
  )
}

attributes('of a write that is not recorded yet are not those of commits before it', async ({ gateway }) => {
  const crashed = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const client = s3Client(crashed)
  await put(client, 'between', { Metadata: { v: '1' } })
  await crashed.flush()
  const between = await put(client, 'elsewhere', { Body: 'between two writes' })
  const second = await put(client, 'between', { Metadata: { v: '2' } })
  const other = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const otherS3 = s3Client(other)
  for (const each of [client, otherS3]) {
    await assertAt(each, between, 'between', { v: '1' })
    await assertAt(each, second, 'between', { v: '2' })
    assert.equal((await head(each, 'between')).Metadata, { v: '2' })
    each.destroy()
  }
  await other.close()
  await crashed.close()
})

attributes('of writes to an open commit are those of its version', async ({ gateway, s3, everywhere }) => {
  await put(s3, 'open', { Metadata: { v: '1' } })
  await gateway.flush()
  const before = await put(s3, 'elsewhere', { Body: 'before an open commit' })
  await gateway.pfs.inspectCommit({ commit: { repo, id: before }, wait: 'FINISHED' })
  const commit = await gateway.pfs.startCommit({ branch: { repo, name: 'master' } })
  const large = Buffer.alloc(1_500_000)
  const keys = ['open', 'open-large', 'open-large-plain', 'open-new', 'open-plain']
  const Metadata = { v: '2' }
  const written = [
    await put(s3, 'open', { Metadata, Tagging: 'tag=a' }),
    await put(s3, 'open-new', { Metadata, Body: 'replaced in the same commit' }),
    await put(s3, 'open-new', { Metadata, Body: 'new' }),
    await put(s3, 'open-plain', { Body: 'plain' }),
    await put(s3, 'open-large', { Metadata, Body: large }),
    await put(s3, 'open-large-plain', { Body: large }),
  ]
  for (const id of written) assert.is(id, commit.id)
  assert.equal((await head(s3, 'open')).Metadata, { v: '2' })
  await tag(s3, 'open', 'b')
  await gateway.pfs.finishCommit({ commit })
  const { finishing: LastModified } = await gateway.pfs.inspectCommit({ commit, wait: 'FINISHED' })
  await put(s3, 'elsewhere', { Body: 'after an open commit' })
  await everywhere(async (client) => {
    await assertAt(client, before, 'open', { v: '1' })
    assert.is(await tagsOf(client, 'open', before), '')
    await assertAt(client, commit.id ?? '', 'open', { v: '2' })
    assert.is(await tagsOf(client, 'open'), 'tag=b')
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'open' }))
    assert.equal(
      Contents.map((listed) => [listed.Key, listed.LastModified]),
      keys.map((key) => [key, LastModified]),
    )
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'open-' }))
    for (const key of keys) {
      const found = await head(client, key)
      assert.equal(found.Metadata, key.endsWith('plain') ? {} : Metadata)
      assert.equal([found.VersionId, found.LastModified?.getTime()], [commit.id, seconds(LastModified)])
      if (key === 'open') continue
      const versions = Versions.filter(({ Key }) => Key === key)
      assert.equal(
        versions.map((each) => [each.VersionId, each.LastModified, each.ETag]),
        [[commit.id, LastModified, found.ETag]],
      )
    }
  })
})

attributes(
  'of an object that was deleted in its open commit are no version of it',
  async ({ gateway, s3, everywhere }) => {
    const Key = 'gone'
    await gateway.pfs.inspectCommit({ commit: { repo, branch: 'master' }, wait: 'FINISHED' })
    const commit = await gateway.pfs.startCommit({ branch: { repo, name: 'master' } })
    await put(s3, Key, { Metadata: { v: '1' } })
    await s3.send(new DeleteObjectCommand({ Bucket, Key }))
    await gateway.pfs.finishCommit({ commit })
    const id = await put(s3, Key, { Metadata: { v: '2' } })
    await everywhere(async (client) => {
      const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))
      assert.equal(
        Versions.map(({ VersionId }) => VersionId),
        [id],
      )
      const status = await head(client, Key, commit.id).catch(({ $metadata }) => $metadata.httpStatusCode)
      assert.is(status, 404)
    })
    await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId: id }))
    const status = await head(s3, Key).catch(({ $metadata }) => $metadata.httpStatusCode)
    assert.is(status, 404)
  },
)

attributes('tags are set again after an open commit, in which they were set', async ({ gateway, s3, everywhere }) => {
  await put(s3, 'open-tags')
  await gateway.flush()
  // pachd does not read an open commit above one that is not finished.
  await gateway.pfs.inspectCommit({ commit: { repo, branch: 'master' }, wait: 'FINISHED' })
  const commit = await gateway.pfs.startCommit({ branch: { repo, name: 'master' } })
  await tag(s3, 'open-tags', 'first')
  await gateway.pfs.finishCommit({ commit })
  await tag(s3, 'open-tags', 'second')
  await everywhere(async (client) => assert.is(await tagsOf(client, 'open-tags'), 'tag=second'))
})

attributes('tags are set for the last write while its gateway records the version', async ({ gateway }) => {
  const slow = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const client = s3Client(slow)
  const first = await put(client, 'raced-tags')
  await slow.flush()
  const second = await put(client, 'raced-tags', { Metadata: { v: '2' } })
  await put(client, 'elsewhere', { Body: 'behind the raced tags' })
  const pfs = {
    ...gateway.pfs,
    modifyFile: async (...args: Parameters<typeof gateway.pfs.modifyFile>) => {
      // The other gateway has read the record, and writes the tags.
      await slow.flush()
      return gateway.pfs.modifyFile(...args)
    },
  }
  const other = await startGateway({ pfs, options: { objectRecords: 'all' } })
  const otherS3 = s3Client(other)
  await tag(otherS3, 'raced-tags', 'b')
  for (const each of [client, otherS3]) {
    assert.is(await tagsOf(each, 'raced-tags'), 'tag=b')
    assert.equal((await head(each, 'raced-tags', second)).Metadata, { v: '2' })
    assert.equal((await head(each, 'raced-tags', first)).Metadata, {})
  }
  for (const each of [client, otherS3]) each.destroy()
  await other.close()
  await slow.close()
})

attributes('tags are set for the last write before its gateway has recorded the version', async ({ gateway }) => {
  const slow = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const client = s3Client(slow)
  const first = await put(client, 'late-tags', { Tagging: 'tag=a' })
  await slow.flush()
  const second = await put(client, 'late-tags', { Metadata: { v: '2' } })
  await put(client, 'elsewhere', { Body: 'behind the late tags' })
  const other = await startGateway({ pfs: gateway.pfs, options: { objectRecords: 'all' } })
  const otherS3 = s3Client(other)
  await tag(otherS3, 'late-tags', 'b')
  const found = await head(otherS3, 'late-tags')
  assert.equal([found.Metadata, await tagsOf(otherS3, 'late-tags')], [{ v: '2' }, 'tag=b'])
  await slow.flush()
  for (const each of [client, otherS3]) {
    assert.is(await tagsOf(each, 'late-tags'), 'tag=b')
    const { Versions = [] } = await each.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'late-tags' }))
    assert.equal(
      Versions.map(({ VersionId }) => VersionId),
      [second, first],
    )
  }
  for (const each of [client, otherS3]) each.destroy()
  await other.close()
  await slow.close()
})

attributes('tags that are set during a write stay if that is refused', async ({ gateway, s3, everywhere }) => {
  await put(s3, 'refused', { Metadata: { v: '1' }, Tagging: 'tag=a' })
  await gateway.flush()
  const refusing: PachydermApi = {
    ...gateway.pfs,
    modifyFile: async (commit, ...rest) => {
      if (commit.repo.type === 'meta') return gateway.pfs.modifyFile(commit, ...rest)
      await tag(s3, 'refused', 'b')
      throw new PfsError('PERMISSION_DENIED', 'the role was revoked')
    },
  }
  const other = await startGateway({ pfs: refusing, options: { objectRecords: 'all' } })
  const client = s3Client(other)
  await put(client, 'refused', { Metadata: { v: '2' } }).then(
    () => assert.unreachable(),
    ({ name }) => assert.is(name, 'AccessDenied'),
  )
  client.destroy()
  await other.flush()
  await other.close()
  await everywhere(async (each) => {
    // Tags are read from PFS.
    assert.is(await tagsOf(each, 'refused'), 'tag=b')
    assert.equal((await head(each, 'refused')).Metadata, { v: '1' })
  })
})

attributes('of many writes with many parts are read', async ({ gateway, s3, everywhere }) => {
  const id = await put(s3, 'many', { Metadata: { v: 'first' } })
  await gateway.flush()
  const { hash } = await gateway.pfs.inspectFile({ commit: { repo, branch: 'master' }, path: '/many' })
  const parts = Array.from({ length: 10_000 }, (_, n) => ({
    number: n + 1,
    size: n === 0 ? 4 : 0,
    checksum: 'a'.repeat(44),
  }))
  const path = recordPath('/many', Buffer.from(hash).toString('hex'))
  const version = { commitId: id, branch: 'master', time: new Date().toISOString() }
  const raw = Buffer.from(
    `${JSON.stringify({ format: 1, key: 'many', metadata: { v: 'parts' }, parts, versions: [version] })}\n`,
  )
  const meta = { ...repo, type: 'meta' } as const
  await gateway.pfs.modifyFile({ repo: meta, branch: 's3-records' }, [
    { deleteFile: { path } },
    { addFile: { path, raw } },
  ])
  await put(s3, 'elsewhere', { Body: 'behind the large record' })
  const MetadataDirective = 'REPLACE'
  const CopySource = `${Bucket}/many`
  for (const v of ['1', '2', '3']) {
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'many', CopySource, MetadataDirective, Metadata: { v } }))
  }
  await everywhere(async (client) => assert.equal((await head(client, 'many')).Metadata, { v: '3' }))
})

for (const Body of ['same', Buffer.alloc(1_500_000)]) {
  const size = Body.length
  attributes(
    `stay with a write of ${size} bytes, although PFS failed to tell its commit`,
    async ({ gateway: { pfs, flush }, s3 }) => {
      const Key = `made-${size}`
      // A sweep gives no record to a large content that has one.
      if (size < 10) await put(s3, Key, { Body, Metadata: { v: '1' } })
      await flush()
      let left = 0
      const failing: PachydermApi = {
        ...pfs,
        modifyFile: async (commit, ...rest) => {
          await pfs.modifyFile(commit, ...rest)
          if (commit.repo.type === 'user') left = 1
        },
        inspectCommit: async (...args) => {
          left -= 1
          if (left === 0) throw new PfsError('UNKNOWN', 'the database has restarted')
          return pfs.inspectCommit(...args)
        },
      }
      const other = await startGateway({ pfs: failing, options: { objectRecords: 'all' } })
      const client = s3Client(other)
      await put(client, Key, { Body, Metadata: { v: '2' } }).then(
        () => assert.unreachable(),
        () => undefined,
      )
      left = 0
      await other.flush()
      // The record of a large object is pending until then.
      await sweepUploads(pfs, { olderThanMilliseconds: 0 })
      assert.equal((await head(client, Key)).Metadata, { v: '2' })
      client.destroy()
      await other.close()
    },
  )
}

attributes.run()
