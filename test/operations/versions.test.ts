import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandInput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PfsClient } from '../../lib/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client, tokenCredentials } from '../support/s3-client.js'

interface Context {
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Names of the methods that PFS was asked with since it was emptied. */
  readonly calls: string[]
}

/** Notes each call on its way to PFS. */
function watched(pfs: PfsClient, calls: string[]): PfsClient {
  return new Proxy(pfs, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...parameters: unknown[]) => {
        calls.push(String(name))
        return method.apply(target, parameters)
      }
    },
  })
}

/** The same behaviour over memory and over the wire. */
for (const overWire of [false, true]) {
  const versions = suite<Context>(`versions ${overWire ? 'over the wire' : 'in memory'}`)

  versions.before(async (context) => {
    const calls: string[] = []
    const gateway = await startGateway({ pfs: watched(createMemoryPfs(), calls), overWire })
    Object.assign(context, { gateway, s3: s3Client(gateway), calls })
  })

  versions.after(async ({ gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
  })

  const newBucket = async (s3: S3Client, Bucket: string) => {
    await s3.send(new CreateBucketCommand({ Bucket }))
    return Bucket
  }

  async function put(s3: S3Client, Bucket: string, Key: string, Body: string): Promise<string> {
    const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket, Key, Body }))
    return VersionId
  }

  async function remove(s3: S3Client, Bucket: string, Key: string): Promise<string> {
    const { VersionId = '' } = await s3.send(new DeleteObjectCommand({ Bucket, Key }))
    return VersionId
  }

  async function read(s3: S3Client, Bucket: string, Key: string, VersionId?: string) {
    const command = new GetObjectCommand({ Bucket, Key, ...(VersionId !== undefined && { VersionId }) })
    const { Body } = await s3.send(command)
    return Body?.transformToString()
  }

  /** `key versionId size`, `key versionId -` for a delete marker, `>` before the latest; in the order of the document. */
  async function listed(s3: S3Client, Bucket: string, input: Partial<ListObjectVersionsCommandInput> = {}) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket, ...input }))
    const rows = [
      ...(page.Versions ?? []).map(({ Key, VersionId, Size, IsLatest }) => ({ Key, VersionId, Size, IsLatest })),
      ...(page.DeleteMarkers ?? []).map(({ Key, VersionId, IsLatest }) => ({ Key, VersionId, Size: '-', IsLatest })),
    ]
    return {
      page,
      rows: rows.map(({ Key, VersionId, Size, IsLatest }) => `${IsLatest ? '>' : ''}${Key} ${VersionId} ${Size}`),
      prefixes: page.CommonPrefixes?.map(({ Prefix }) => Prefix),
    }
  }

  versions('a version that is none is named as S3 does', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.none')
    await put(s3, Bucket, 'k', 'x')
    assert.is(await refusal(read(s3, Bucket, 'k', 'f'.repeat(32))), '404 NoSuchVersion')
    assert.is(await refusal(read(s3, Bucket, 'k', 'null')), '400 InvalidArgument')
    assert.is(await refusal(read(s3, Bucket, 'k', `${'f'.repeat(32)}^`)), '400 InvalidArgument')
    assert.is(await refusal(read(s3, 'no-such.none', 'k', 'f'.repeat(32))), '404 NoSuchBucket')
    assert.is(await refusal(read(s3, 'none-at-all', 'k', 'f'.repeat(32))), '404 NoSuchBucket')
  })

  versions('a version that did not touch the key still reads', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.untouched')
    await put(s3, Bucket, 'k', 'first')
    const between = await put(s3, Bucket, 'other', 'x')
    await put(s3, Bucket, 'k', 'second')
    assert.is(await read(s3, Bucket, 'k', between), 'first')
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId: between }))
    assert.is(head.VersionId, between)
    assert.is(head.ContentLength, 5)
  })

  versions('a version of another branch is no version here', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.foreign')
    await newBucket(s3, 'dev.foreign')
    const mine = await put(s3, Bucket, 'k', 'master')
    const theirs = await put(s3, 'dev.foreign', 'k', 'dev')
    assert.is(await refusal(read(s3, Bucket, 'k', theirs)), '404 NoSuchVersion')
    assert.is(await refusal(read(s3, 'dev.foreign', 'k', mine)), '404 NoSuchVersion')
    const copyOf = (versionId: string) =>
      s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${versionId}` }))
    assert.is(await refusal(copyOf(theirs)), '404 NoSuchVersion')
    await put(s3, Bucket, 'k', 'later')
    assert.is(await refusal(read(s3, Bucket, 'k', theirs)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', mine), 'master')
    // A branch that begins at a commit has the history of that commit.
    const repo = { project: 'default', name: 'foreign', type: 'user' } as const
    await gateway.pfs.createBranch({ branch: { repo, name: 'child' }, head: { repo, id: mine } })
    assert.is(await read(s3, 'child.foreign', 'k', mine), 'master')
  })

  versions('versions that a moved branch left behind are gone from it', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.moved')
    const first = await put(s3, Bucket, 'k', '1')
    const second = await put(s3, Bucket, 'k', '22')
    assert.is(await read(s3, Bucket, 'k', second), '22')
    const repo = { project: 'default', name: 'moved', type: 'user' } as const
    await gateway.pfs.createBranch({ branch: { repo, name: 'master' }, head: { repo, id: first } })
    assert.is(await refusal(read(s3, Bucket, 'k', second)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', first), '1')
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${first} 1`])
    // Where the branch was is still a bucket of its own.
    assert.is(await read(s3, `${second}.master.moved`, 'k'), '22')
  })

  versions('a read costs one call more for a version, and none without', async ({ s3, calls }) => {
    const Bucket = await newBucket(s3, 'master.cost')
    const old = await put(s3, Bucket, 'k', 'x')
    const head = await put(s3, Bucket, 'k', 'y')
    const callsOf = async (VersionId?: string) => {
      calls.length = 0
      await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', ...(VersionId !== undefined && { VersionId }) }))
      return calls.toSorted()
    }
    assert.equal(await callsOf(), ['inspectFile'])
    assert.equal(await callsOf(head), ['inspectCommit', 'inspectFile'])
    assert.equal(await callsOf(old), ['inspectCommit', 'inspectFile', 'listCommit'])
    assert.equal(await callsOf(old), ['inspectCommit', 'inspectFile'])
  })

  versions('a deleted key tells of its delete marker', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.deleted')
    const written = await put(s3, Bucket, 'k', 'x')
    const removed = await remove(s3, Bucket, 'k')
    const after = await put(s3, Bucket, 'other', 'x')
    const ask = async (key: string, versionId?: string) => {
      const query = versionId === undefined ? '' : `?versionId=${versionId}`
      const { status, headers } = await fetch(`${gateway.endpoint}/${Bucket}/${key}${query}`)
      return [status, headers.get('x-amz-delete-marker'), headers.get('x-amz-version-id')]
    }
    assert.equal(await ask('k'), [404, 'true', removed])
    assert.equal(await ask('k', removed), [405, 'true', removed])
    assert.equal(await ask('k', after), [404, null, null])
    assert.equal(await ask('never'), [404, null, null])
    assert.equal(await ask('never', removed), [404, null, null])
    assert.is(await refusal(read(s3, Bucket, 'k')), '404 NoSuchKey')
    assert.is(await refusal(read(s3, Bucket, 'k', removed)), '405 MethodNotAllowed')
    assert.is(await refusal(read(s3, Bucket, 'k', after)), '404 NoSuchVersion')
    assert.is(await read(s3, Bucket, 'k', written), 'x')
    const copy = new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k?versionId=${removed}` })
    assert.is(await refusal(s3.send(copy)), '400 InvalidRequest')
  })

  versions('a copy is of the version that it names', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.restored')
    const first = await put(s3, Bucket, 'k', 'first')
    await remove(s3, Bucket, 'k')
    const copy = await s3.send(
      new CopyObjectCommand({ Bucket, Key: 'k', CopySource: `${Bucket}/k?versionId=${first}` }),
    )
    assert.is(copy.CopySourceVersionId, first)
    assert.is(await read(s3, Bucket, 'k'), 'first')
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
    // What is remembered of the history answers the same.
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

  versions('pages end anywhere and go on there', async ({ s3 }) => {
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

  versions('a key marker alone leaves out all versions of its key', async ({ s3 }) => {
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

  versions('prefix and delimiter are of keys', async ({ s3 }) => {
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

  versions('what an open commit holds is listed and not remembered', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.open')
    const repo = { project: 'default', name: 'open', type: 'user' } as const
    const commit = await gateway.pfs.startCommit({ branch: { repo, name: 'master' } })
    const add = (path: string) => gateway.pfs.modifyFile(commit, [{ addFile: { path, raw: Buffer.from('x') } }])
    await add('/a')
    assert.equal((await listed(s3, Bucket)).rows, [`>a ${commit.id} 1`])
    await add('/b')
    assert.equal((await listed(s3, Bucket)).rows, [`>a ${commit.id} 1`, `>b ${commit.id} 1`])
  })

  versions('a commit in error has no versions', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.error')
    const a = await put(s3, Bucket, 'a', 'x')
    const repo = { project: 'default', name: 'error', type: 'user' } as const
    const commit = { repo, branch: 'master' }
    await gateway.pfs.modifyFile(commit, [{ addFile: { path: '/a/below', raw: Buffer.from('x') } }])
    await gateway.pfs.inspectCommit({ commit, wait: 'FINISHED' })
    const b = await put(s3, Bucket, 'b', 'x')
    assert.equal((await listed(s3, Bucket)).rows, [`>a ${a} 1`, `>b ${b} 1`])
  })

  versions('a branch some commits ago is a bucket that is only read', async ({ s3, gateway }) => {
    const Bucket = await newBucket(s3, 'master.ago')
    const first = await put(s3, Bucket, 'k', 'first')
    const second = await put(s3, Bucket, 'k', 'second')
    await put(s3, Bucket, 'k', 'third')
    assert.is(await read(s3, 'master^.ago', 'k'), 'second')
    assert.is(await read(s3, 'master^2.ago', 'k'), 'first')
    assert.is(await read(s3, 'master^^.ago.default', 'k'), 'first')
    assert.is(await read(s3, 'master^.ago', 'k', first), 'first')
    assert.equal((await listed(s3, 'master^.ago')).rows, [`>k ${second} 6`, `k ${first} 5`])
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'master^2.ago' }))
    assert.equal(
      Contents?.map(({ Key, Size }) => `${Key} ${Size}`),
      ['k 5'],
    )
    assert.is(await refusal(put(s3, 'master^.ago', 'k', 'x')), '405 MethodNotAllowed')
    assert.is(await refusal(remove(s3, 'master^.ago', 'k')), '405 MethodNotAllowed')
    assert.is(await refusal(newBucket(s3, 'master^.ago')), '405 MethodNotAllowed')
    assert.is(await refusal(read(s3, 'master^9.ago', 'k')), '404 NoSuchBucket')
    assert.is(await refusal(read(s3, 'master.ago^', 'k')), '400 InvalidBucketName')
    assert.is(await fetch(`${gateway.endpoint}/master%5E2.ago/k`).then((answer) => answer.text()), 'first')
  })

  versions.run()
}

const rights = suite('rights on what is remembered of a history')

rights('who may not read a repo does not see its versions, though another has listed them', async () => {
  const pfs = createMemoryPfs({ rootToken: 'root' })
  const gateway = await startGateway({ pfs, authConfig: { mode: 'pachyderm' } })
  const robot = await pfs.getRobotToken({ robot: 'guest' }, { authToken: 'root' })
  const [root, guest] = ['root', robot].map((token) => s3Client(gateway, tokenCredentials(token)))
  try {
    assert.ok(root !== undefined && guest !== undefined)
    await root.send(new CreateBucketCommand({ Bucket: 'master.secret' }))
    const { VersionId } = await root.send(new PutObjectCommand({ Bucket: 'master.secret', Key: 'k', Body: 'x' }))
    await root.send(new PutObjectCommand({ Bucket: 'master.secret', Key: 'k', Body: 'y' }))
    const list = new ListObjectVersionsCommand({ Bucket: 'master.secret' })
    const get = new GetObjectCommand({ Bucket: 'master.secret', Key: 'k', VersionId })
    assert.is((await root.send(list)).Versions?.length, 2)
    assert.is(await (await root.send(get)).Body?.transformToString(), 'x')
    assert.is(await refusal(guest.send(list)), '403 AccessDenied')
    assert.is(await refusal(guest.send(get)), '403 AccessDenied')
    const resource = { type: 'REPO', name: 'default/secret' } as const
    const grant = { resource, principal: 'robot:guest', roles: ['repoReader'] }
    await pfs.modifyRoleBinding(grant, { authToken: 'root' })
    assert.is((await guest.send(list)).Versions?.length, 2)
    await pfs.modifyRoleBinding({ ...grant, roles: [] }, { authToken: 'root' })
    assert.is(await refusal(guest.send(list)), '403 AccessDenied')
  } finally {
    root?.destroy()
    guest?.destroy()
    await gateway.close()
  }
})

rights.run()

const search = suite('the search for a delete marker')

search('keeps an answer waiting only so long', async () => {
  const pfs = createMemoryPfs()
  let started = 0
  const endless: PfsClient = {
    ...pfs,
    async *findCommits(_request, options) {
      started += 1
      yield await new Promise<never>((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason))
      })
    },
  }
  const gateway = await startGateway({ pfs: endless })
  try {
    const repo = { project: 'default', name: 'long', type: 'user' } as const
    await pfs.createRepo({ repo })
    await pfs.createBranch({ branch: { repo, name: 'master' } })
    const { status, headers } = await fetch(`${gateway.endpoint}/long/none`)
    assert.equal([status, headers.get('x-amz-delete-marker'), started], [404, null, 1])
  } finally {
    await gateway.close()
  }
})

search.run()
