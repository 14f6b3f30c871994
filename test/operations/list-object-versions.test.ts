import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway, startGuardedGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'
import { wires } from '../support/test-pfs.js'
import { listed, newBucket, put, remove } from './versioned-bucket.js'

interface Context {
  readonly gateway: Gateway
  readonly s3: S3Client
}

/** The same behaviour over memory and over the wire. */
for (const overWire of wires) {
  const versions = suite<Context>(`lists of versions ${overWire ? 'over the wire' : 'in memory'}`)

  versions.before(async (context) => {
    const gateway = await startGateway({ overWire })
    Object.assign(context, { gateway, s3: s3Client(gateway) })
  })

  versions.after(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  versions('every version of every key is listed, newest first', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.listed')
    assert.equal((await listed(s3, Bucket)).rows, [])
    const a1 = await put(s3, Bucket, 'a', '1')
    const b1 = await put(s3, Bucket, 'b', '1')
    const a2 = await put(s3, Bucket, 'a', '22')
    const bGone = await remove(s3, Bucket, 'b')
    const aGone = await remove(s3, Bucket, 'a')
    const a3 = await put(s3, Bucket, 'a', '333')
    const { page, rows } = await listed(s3, Bucket)
    assert.equal(rows, [`>a ${a3} 3`, `a ${a2} 2`, `a ${a1} 1`, `b ${b1} 1`, `a ${aGone} -`, `>b ${bGone} -`])
    assert.is(page.IsTruncated, false)
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'a' }))
    assert.is(page.Versions?.[0]?.ETag, head.ETag)
    assert.equal(page.Versions?.[0]?.LastModified?.setMilliseconds(0), head.LastModified?.getTime())
    // The cached history gives the same result.
    assert.equal((await listed(s3, Bucket)).rows, rows)
  })

  versions('versions and delete markers are in one order', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.mixed')
    for (const key of ['a', 'b']) {
      await put(s3, Bucket, key, 'x')
      await remove(s3, Bucket, key)
    }
    const document = await (await fetch(`${gateway.endpoint}/${Bucket}?versions`)).text()
    const order = [...document.matchAll(/<(Version|DeleteMarker)><Key>(.)/g)].map(([, kind, key]) => `${key} ${kind}`)
    assert.equal(order, ['a DeleteMarker', 'a Version', 'b DeleteMarker', 'b Version'])
  })

  versions('pages end anywhere, and the next one continues there', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.paged')
    const keys = ['a', 'd/1', 'd/2', 'd(x)', 'z']
    for (const body of ['1', '2', '3']) for (const key of keys) await put(s3, Bucket, key, body)
    await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'd/1' }, { Key: 'z' }] } }))
    const all = (await listed(s3, Bucket)).rows.toSorted()
    assert.is(all.length, 17)
    for (const MaxKeys of [1, 2, 3, 5, 16, 17]) {
      const rows: string[] = []
      let marker: Partial<ListObjectVersionsCommandInput> | undefined = {}
      while (marker !== undefined) {
        const { page, rows: more } = await listed(s3, Bucket, { MaxKeys, ...marker })
        assert.ok(more.length <= MaxKeys)
        rows.push(...more)
        const { NextKeyMarker, NextVersionIdMarker } = page
        marker = page.IsTruncated
          ? { KeyMarker: NextKeyMarker ?? '', VersionIdMarker: NextVersionIdMarker ?? '' }
          : undefined
      }
      assert.equal(rows.toSorted(), all, `pages of ${MaxKeys}`)
    }
  })

  versions('a key marker alone skips all versions of its key', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.marker')
    await put(s3, Bucket, 'a', '1')
    await put(s3, Bucket, 'a', '2')
    const b = await put(s3, Bucket, 'b', '1')
    assert.equal((await listed(s3, Bucket, { KeyMarker: 'a' })).rows, [`>b ${b} 1`])
    assert.is(await refusal(listed(s3, Bucket, { VersionIdMarker: b })), '400 InvalidArgument')
    assert.is(await refusal(listed(s3, Bucket, { KeyMarker: 'a', VersionIdMarker: 'x' })), '400 InvalidArgument')
    assert.is(await refusal(listed(s3, 'none.marker')), '404 NoSuchBucket')
    assert.equal((await listed(s3, Bucket, { MaxKeys: 0 })).rows, [])
  })

  versions('prefix and delimiter apply to keys', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.prefixes')
    const ids = new Map<string, string>()
    for (const key of ['dir/', 'dir/1', 'dir/2/3', 'dir (x)/y', 'dir.txt', 'ü/1']) {
      ids.set(key, await put(s3, Bucket, key, 'x'))
    }
    const row = (key: string) => `>${key} ${ids.get(key)} 1`
    assert.equal((await listed(s3, Bucket, { Prefix: 'dir/' })).rows, ['dir/', 'dir/1', 'dir/2/3'].map(row))
    const top = await listed(s3, Bucket, { Delimiter: '/' })
    assert.equal([top.rows, top.prefixes], [[row('dir.txt')], ['dir (x)/', 'dir/', 'ü/']])
    const inside = await listed(s3, Bucket, { Prefix: 'dir/', Delimiter: '/' })
    assert.equal([inside.rows, inside.prefixes], [['dir/', 'dir/1'].map(row), ['dir/2/']])
    const first = await listed(s3, Bucket, { Delimiter: '/', MaxKeys: 1 })
    assert.equal([first.prefixes, first.page.NextKeyMarker], [['dir (x)/'], 'dir (x)/'])
    assert.is(first.page.NextVersionIdMarker, undefined)
    const next = await listed(s3, Bucket, { Delimiter: '/', MaxKeys: 2, KeyMarker: 'dir (x)/' })
    assert.equal([next.rows, next.prefixes], [[row('dir.txt')], ['dir/']])
    const below = await listed(s3, Bucket, { Delimiter: '/', KeyMarker: 'dir/1' })
    assert.equal(below.prefixes, ['dir/', 'ü/'])
  })

  versions('the content of an open commit is listed and not cached', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.open')
    const repo = { project: 'default', name: 'open', type: 'user' } as const
    const commit = await gateway.pfs.startCommit({ branch: { repo, name: 'master' } })
    const add = (path: string) => gateway.pfs.modifyFile(commit, [{ addFile: { path, raw: Buffer.from('x') } }])
    await add('/a')
    assert.equal((await listed(s3, Bucket)).rows, [`>a ${commit.id} 1`])
    await add('/b')
    assert.equal((await listed(s3, Bucket)).rows, [`>a ${commit.id} 1`, `>b ${commit.id} 1`])
  })

  versions('a failed commit has no versions', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.error')
    const a = await put(s3, Bucket, 'a', 'x')
    const repo = { project: 'default', name: 'error', type: 'user' } as const
    const commit = { repo, branch: 'master' }
    await gateway.pfs.modifyFile(commit, [{ addFile: { path: '/a/below', raw: Buffer.from('x') } }])
    await gateway.pfs.inspectCommit({ commit, wait: 'FINISHED' })
    const b = await put(s3, Bucket, 'b', 'x')
    assert.equal((await listed(s3, Bucket)).rows, [`>a ${a} 1`, `>b ${b} 1`])
  })

  versions.run()
}

const rights = suite('rights on a cached history')

rights('a caller who may not read a repo sees no versions, even if another caller has listed them', async () => {
  const gateway = await startGuardedGateway()
  const { pfs, writerToken } = gateway
  const owner = s3Client(gateway, tokenCredentials(writerToken))
  const guest = s3Client(gateway, tokenCredentials(await pfs.getRobotToken({ robot: 'guest' })))
  try {
    await owner.send(new CreateBucketCommand({ Bucket: 'master.secret' }))
    const { VersionId } = await owner.send(new PutObjectCommand({ Bucket: 'master.secret', Key: 'k', Body: 'x' }))
    await owner.send(new PutObjectCommand({ Bucket: 'master.secret', Key: 'k', Body: 'y' }))
    const list = new ListObjectVersionsCommand({ Bucket: 'master.secret' })
    const get = new GetObjectCommand({ Bucket: 'master.secret', Key: 'k', VersionId })
    assert.is((await owner.send(list)).Versions?.length, 2)
    assert.is(await (await owner.send(get)).Body?.transformToString(), 'x')
    assert.is(await refusal(guest.send(list)), '403 AccessDenied')
    assert.is(await refusal(guest.send(get)), '403 AccessDenied')
    const resource = { type: 'REPO', name: 'default/secret' } as const
    const grant = { resource, principal: 'robot:guest', roles: ['repoReader'] }
    await pfs.modifyRoleBinding(grant)
    assert.is((await guest.send(list)).Versions?.length, 2)
    await pfs.modifyRoleBinding({ ...grant, roles: [] })
    assert.is(await refusal(guest.send(list)), '403 AccessDenied')
  } finally {
    owner.destroy()
    guest.destroy()
    await gateway.close()
  }
})

rights.run()
