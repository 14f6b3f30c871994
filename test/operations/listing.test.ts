import { createHash } from 'node:crypto'
import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  type ListObjectsCommandInput,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { branch, bucket } from '../faults/support/branch.js'
import { createFaultyPfs } from '../faults/support/faulty-pfs.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { wires } from '../support/test-pfs.js'

const Bucket = 'master.listing'
const keys = [
  'a b',
  'a!b',
  'a#b',
  'dir/',
  'dir/1',
  'dir/2/3',
  'dir(x)/y',
  'dir.txt',
  'plain',
  'z+z',
  'é',
  '\u0001',
  '😀',
]
const inOrder = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

for (const overWire of wires) {
  const listing = suite<{ gateway: Gateway; s3: S3Client }>(`listings ${overWire ? 'over the wire' : 'in memory'}`)

  listing.before(async (context) => {
    context.gateway = await startGateway({ overWire })
    context.s3 = s3Client(context.gateway)
    await context.s3.send(new CreateBucketCommand({ Bucket }))
    await Promise.all(keys.map((Key) => context.s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))))
  })

  listing.after(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  // Keys that XML 1.0 has no way to write come whole only percent-encoded.
  const decoded = (key: string | undefined): string => decodeURIComponent(key ?? '')

  async function v2(s3: S3Client, input: Partial<ListObjectsV2CommandInput> = {}) {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url', ...input }))
    return {
      page,
      keys: (page.Contents ?? []).map(({ Key }) => decoded(Key)),
      prefixes: (page.CommonPrefixes ?? []).map(({ Prefix }) => decoded(Prefix)),
    }
  }

  async function v1(s3: S3Client, input: Partial<ListObjectsCommandInput> = {}) {
    const page = await s3.send(new ListObjectsCommand({ Bucket, EncodingType: 'url', ...input }))
    return { page, keys: (page.Contents ?? []).map(({ Key }) => decoded(Key)) }
  }

  listing('all keys come in byte order', async ({ s3 }) => {
    const all = await v2(s3)
    assert.equal(all.keys, inOrder)
    assert.is(all.page.KeyCount, keys.length)
    assert.is(all.page.IsTruncated, false)
    assert.equal((await v1(s3)).keys, inOrder)
  })

  for (const size of [1, 2, 3, 5, 12, 13]) {
    listing(`pages of ${size} contain each key once, by token and by marker`, async ({ s3 }) => {
      const byToken: string[] = []
      let token: string | undefined
      do {
        const { page, keys: found } = await v2(s3, { MaxKeys: size, ...(token && { ContinuationToken: token }) })
        assert.ok(found.length <= size)
        byToken.push(...found)
        token = page.NextContinuationToken
        assert.is(page.IsTruncated, token !== undefined)
      } while (token !== undefined)
      assert.equal(byToken, inOrder)
      const byMarker: string[] = []
      for (let isTruncated = true; isTruncated; ) {
        const { page, keys: found } = await v1(s3, { MaxKeys: size, Marker: byMarker[byMarker.length - 1] ?? '' })
        byMarker.push(...found)
        isTruncated = page.IsTruncated ?? false
      }
      assert.equal(byMarker, inOrder)
    })
  }

  listing('a delimiter groups keys', async ({ s3 }) => {
    const top = await v2(s3, { Delimiter: '/' })
    assert.equal(top.prefixes, ['dir(x)/', 'dir/'])
    assert.equal(
      top.keys,
      inOrder.filter((key) => !key.includes('/')),
    )
    const below = await v2(s3, { Delimiter: '/', Prefix: 'dir/' })
    assert.equal(below.prefixes, ['dir/2/'])
    assert.equal(below.keys, ['dir/', 'dir/1'])
    assert.equal((await v2(s3, { Delimiter: 'i' })).prefixes, ['di', 'plai'])
  })

  listing('a marker inside a common prefix does not list that prefix again', async ({ s3 }) => {
    for (const marker of ['dir/', 'dir/1', 'dir/2/3', 'dir/zzz']) {
      const second = await v2(s3, { Delimiter: '/', StartAfter: marker })
      assert.equal([second.prefixes, second.keys], [[], ['plain', 'z+z', 'é', '😀']], marker)
      assert.is(second.page.StartAfter, encodeURIComponent(marker).replaceAll('%2F', '/'))
      const first = await v1(s3, { Delimiter: '/', Marker: marker })
      assert.equal([first.page.CommonPrefixes, first.keys], [undefined, ['plain', 'z+z', 'é', '😀']], marker)
    }
    // The keys below the marker form a common prefix only after the requested prefix.
    const inside = await v2(s3, { Delimiter: '/', Prefix: 'dir/', StartAfter: 'dir/1' })
    assert.equal([inside.prefixes, inside.keys], [['dir/2/'], []])
    assert.equal((await v2(s3, { StartAfter: 'dir/1' })).keys.includes('dir/2/3'), true)
  })

  listing('prefix, start-after and max-keys limit the listing', async ({ s3 }) => {
    assert.equal((await v2(s3, { Prefix: 'dir' })).keys, ['dir(x)/y', 'dir.txt', 'dir/', 'dir/1', 'dir/2/3'])
    assert.equal((await v2(s3, { Prefix: 'none' })).keys, [])
    assert.equal((await v2(s3, { StartAfter: 'plain' })).keys, ['z+z', 'é', '😀'])
    const none = await v2(s3, { MaxKeys: 0 })
    assert.equal([none.keys, none.page.IsTruncated], [[], false])
  })

  listing('a listing agrees with HeadObject, and contains the owner if requested', async ({ s3 }) => {
    const { page } = await v2(s3, { Prefix: 'plain', FetchOwner: true })
    const [entry] = page.Contents ?? []
    assert.is(entry?.Size, 5)
    const found = await s3.send(new HeadObjectCommand({ Bucket, Key: 'plain' }))
    const md5 = `"${createHash('md5').update('plain').digest('hex')}"`
    assert.equal([entry?.ETag, found.ETag], [md5, md5])
    assert.is(Math.floor(Number(entry?.LastModified) / 1000), Math.floor(Number(found.LastModified) / 1000))
    assert.is(entry?.Owner?.ID, 'pachyderm')
    assert.is((await v2(s3, { Prefix: 'plain' })).page.Contents?.[0]?.Owner, undefined)
  })

  listing('invalid parameters are refused', async ({ s3 }) => {
    assert.is(await refusal(v2(s3, { MaxKeys: -1 })), '400 InvalidArgument')
    assert.is(await refusal(v2(s3, { ContinuationToken: 'not one of ours!' })), '400 InvalidArgument')
    assert.is(await refusal(v2(s3, { EncodingType: 'base64' as 'url' })), '400 InvalidArgument')
    assert.is(await refusal(v2(s3, { Bucket: 'none.listing' })), '404 NoSuchBucket')
    assert.is(await refusal(v2(s3, { Bucket: 'none.listing', MaxKeys: 0 })), '404 NoSuchBucket')
  })

  listing.run()
}

const open = suite('listings of an open commit')

open('looks up the time of the commit once, not once per object', async () => {
  const truth = createMemoryPfs()
  await createRepoAndBranch(truth, branch)
  const { id } = await truth.startCommit({ branch })
  const added = Array.from({ length: 50 }, (_, index) => ({ addFile: { path: `/${index}`, raw: Buffer.from('x') } }))
  await truth.modifyFile({ repo: branch.repo, id: id ?? '' }, added)
  const { client, calls } = createFaultyPfs(truth)
  const gateway = await startGateway({ pfs: client })
  try {
    const document = await (await fetch(`${gateway.endpoint}/${bucket}?list-type=2`)).text()
    const { started } = await truth.inspectCommit({ commit: { repo: branch.repo, branch: branch.name } })
    const times = [...document.matchAll(/<LastModified>(.+?)</g)].map(([, time]) => time)
    assert.equal(times, Array(50).fill(started?.toISOString()))
    assert.ok((calls.get('inspectCommit') ?? 0) <= 2, `${calls.get('inspectCommit')} calls`)
  } finally {
    await gateway.close()
  }
})

open.run()
