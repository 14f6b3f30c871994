import {
  DeleteObjectCommand,
  type DeleteObjectCommandInput,
  DeleteObjectsCommand,
  HeadObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PfsClient } from '../../lib/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { openPfs, type TestPfs } from '../support/test-pfs.js'
import { head, listed, newBucket, put, read, remove } from './versioned-bucket.js'

interface Context {
  readonly opened: TestPfs
  readonly gateway: Gateway
  readonly s3: S3Client
}

const hide = async (s3: S3Client, Bucket: string, Key: string, VersionId: string, more = {}) =>
  s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId, ...more } satisfies DeleteObjectCommandInput))

async function commitsOf(pfs: PfsClient, name: string, type: 'user' | 'meta', branch: string): Promise<number> {
  let count = 0
  const repo = { project: 'default', name, type }
  for await (const _ of pfs.listCommit({ repo, to: { repo, branch } })) count += 1
  return count
}

for (const objectRecords of ['all', 'needed'] as const) {
  const deletion = suite<Context>(`deletion of versions, records of ${objectRecords} writes`)

  deletion.before(async (context) => {
    const opened = await openPfs()
    const gateway = await startGateway({ opened, overWire: true, options: { objectRecords } })
    Object.assign(context, { opened, gateway, s3: s3Client(gateway) })
  })

  deletion.after(async ({ opened, gateway, s3 }) => {
    s3.destroy()
    await gateway.close()
    await opened.close()
  })

  /** Every test also passes with a second gateway that has no caches. */
  const anew = async (context: Context, check: (s3: S3Client) => Promise<void>) => {
    await check(context.s3)
    await context.gateway.flush()
    const other = await startGateway({ opened: context.opened, overWire: true, options: { objectRecords } })
    const s3 = s3Client(other)
    await check(s3)
    s3.destroy()
    await other.close()
  }

  deletion('an older version is neither listed nor read, and the current one stays', async (context) => {
    const { s3 } = context
    const Bucket = await newBucket(s3, 'master.older')
    const first = await put(s3, Bucket, 'k', 'one')
    const second = await put(s3, Bucket, 'k', 'two')
    const third = await put(s3, Bucket, 'k', 'three')
    const answer = await hide(s3, Bucket, 'k', second)
    assert.equal([answer.VersionId, answer.DeleteMarker], [second, undefined])
    await anew(context, async (client) => {
      assert.equal((await listed(client, Bucket)).rows, [`>k ${third} 5`, `k ${first} 3`])
      assert.is(await refusal(read(client, Bucket, 'k', second)), '404 NoSuchVersion')
      assert.is(await read(client, Bucket, 'k', first), 'one')
      assert.is(await read(client, Bucket, 'k'), 'three')
    })
    await hide(s3, Bucket, 'k', second)
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${third} 5`, `k ${first} 3`])
  })

  deletion('deleting the current version restores the one before, repeatedly', async (context) => {
    const { s3, gateway } = context
    const Bucket = await newBucket(s3, 'master.current')
    await put(s3, Bucket, 'beside', 'x')
    const ids = []
    for (const body of ['one', 'two', 'three']) ids.push(await put(s3, Bucket, 'k', body))
    const [first = '', second = '', third = ''] = ids
    await hide(s3, Bucket, 'k', third)
    await anew(context, async (client) => {
      const rows = (await listed(client, Bucket, { Prefix: 'k' })).rows
      assert.equal(rows, [`>k ${second} 3`, `k ${first} 3`])
      assert.is(await read(client, Bucket, 'k'), 'two')
      assert.is(await read(client, Bucket, 'k', second), 'two')
      assert.is(await refusal(read(client, Bucket, 'k', third)), '404 NoSuchVersion')
    })
    // The id in HEAD's response always names the restored version.
    const { VersionId = '' } = await head(s3, Bucket, 'k')
    assert.is(await read(s3, Bucket, 'k', VersionId), 'two')
    if (objectRecords === 'all') assert.is(VersionId, second)
    await hide(s3, Bucket, 'k', VersionId)
    await anew(context, async (client) => {
      assert.equal((await listed(client, Bucket, { Prefix: 'k' })).rows, [`>k ${first} 3`])
      assert.is(await read(client, Bucket, 'k'), 'one')
      assert.is(await refusal(read(client, Bucket, 'k', second)), '404 NoSuchVersion')
    })
    await hide(s3, Bucket, 'k', first)
    await anew(context, async (client) => {
      assert.equal((await listed(client, Bucket, { Prefix: 'k' })).rows, [])
      assert.is(await refusal(read(client, Bucket, 'k')), '404 NoSuchKey')
      assert.is(await read(client, Bucket, 'beside'), 'x')
    })
    // PFS keeps all of it.
    assert.is(await read(s3, `${third}.${Bucket}`, 'k'), 'three')
    assert.ok((await commitsOf(gateway.pfs, 'current', 'user', 'master')) >= 7)
  })

  deletion('deleting a delete marker restores the object and its attributes', async (context) => {
    const { s3 } = context
    const Bucket = await newBucket(s3, 'master.marker')
    const first = await put(s3, Bucket, 'k', 'one')
    const marker = await remove(s3, Bucket, 'k')
    const answer = await hide(s3, Bucket, 'k', marker)
    assert.equal([answer.VersionId, answer.DeleteMarker], [marker, true])
    await anew(context, async (client) => {
      assert.is(await read(client, Bucket, 'k'), 'one')
      assert.equal((await listed(client, Bucket)).rows, [`>k ${first} 3`])
      assert.is(await refusal(read(client, Bucket, 'k', marker)), '404 NoSuchVersion')
    })
    const again = await remove(s3, Bucket, 'k')
    const second = await put(s3, Bucket, 'k', 'two')
    await hide(s3, Bucket, 'k', second)
    await anew(context, async (client) => {
      assert.is(await refusal(read(client, Bucket, 'k')), '404 NoSuchKey')
      assert.equal((await listed(client, Bucket)).rows, [`k ${first} 3`, `>k ${again} -`])
    })
  })

  deletion('many versions of many keys share one commit of data', async (context) => {
    const { s3, gateway } = context
    const Bucket = await newBucket(s3, 'master.many')
    const versions: { Key: string; VersionId: string }[] = []
    for (const body of ['one', 'two']) {
      for (const Key of ['a', 'b/c', 'b/d', 'e']) versions.push({ Key, VersionId: await put(s3, Bucket, Key, body) })
    }
    versions.push({ Key: 'e', VersionId: await remove(s3, Bucket, 'e') })
    const kept = await put(s3, Bucket, 'kept', 'x')
    await gateway.flush()
    const before = await commitsOf(gateway.pfs, 'many', 'user', 'master')
    const recordsBefore = await commitsOf(gateway.pfs, 'many', 'meta', 's3-records').catch(() => 0)
    const { Deleted = [], Errors } = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [...versions, { Key: 'kept', VersionId: 'f'.repeat(32) }] },
      }),
    )
    assert.equal([Deleted.length, Errors], [10, undefined])
    assert.equal(
      Deleted.filter(({ DeleteMarker }) => DeleteMarker).map(({ Key, DeleteMarkerVersionId }) => [
        Key,
        DeleteMarkerVersionId,
      ]),
      [['e', versions.at(-1)?.VersionId]],
    )
    assert.is(await commitsOf(gateway.pfs, 'many', 'user', 'master'), before + 1)
    assert.ok((await commitsOf(gateway.pfs, 'many', 'meta', 's3-records')) <= recordsBefore + 2)
    await anew(context, async (client) => {
      assert.equal((await listed(client, Bucket)).rows, [`>kept ${kept} 1`])
      assert.equal((await listed(client, Bucket, { Delimiter: '/' })).prefixes, undefined)
      for (const { Key, VersionId } of versions) {
        assert.is(await refusal(read(client, Bucket, Key, VersionId)), '404 NoSuchVersion')
        assert.is(await refusal(read(client, Bucket, Key)), '404 NoSuchKey')
      }
    })
  })

  deletion('only the named key is hidden if a commit wrote several keys', async (context) => {
    const { s3 } = context
    const Bucket = await newBucket(s3, 'master.shared')
    const repo = { project: 'default', name: 'shared', type: 'user' } as const
    const files = ['/a', '/b'].map((path) => ({ addFile: { path, raw: Buffer.from(path) } }))
    await context.gateway.pfs.modifyFile({ repo, branch: 'master' }, files)
    const { VersionId = '' } = await head(s3, Bucket, 'a')
    await hide(s3, Bucket, 'a', VersionId)
    await anew(context, async (client) => {
      assert.equal((await listed(client, Bucket)).rows, [`>b ${VersionId} 2`])
      assert.is(await read(client, Bucket, 'b', VersionId), '/b')
      assert.is(await refusal(read(client, Bucket, 'a', VersionId)), '404 NoSuchVersion')
    })
  })

  deletion('versions of other writers, and their rewrites of deleted content, are versions', async (context) => {
    const { s3, gateway } = context
    const Bucket = await newBucket(s3, 'master.elsewhere')
    const repo = { project: 'default', name: 'elsewhere', type: 'user' } as const
    const write = async (content: string) => {
      const raw = Buffer.from(content)
      await gateway.pfs.modifyFile({ repo, branch: 'master' }, [
        { deleteFile: { path: '/k' } },
        { addFile: { path: '/k', raw } },
      ])
      return (await gateway.pfs.inspectBranch({ repo, name: 'master' })).head?.id ?? ''
    }
    const mine = await put(s3, Bucket, 'k', 'one')
    const theirs = await write('two')
    const again = await write('one')
    await hide(s3, Bucket, 'k', mine)
    await anew(context, async (client) => {
      assert.is(await read(client, Bucket, 'k'), 'one')
      assert.equal((await listed(client, Bucket)).rows, [`>k ${again} 3`, `k ${theirs} 3`])
    })
    await hide(s3, Bucket, 'k', again)
    await anew(context, async (client) => {
      assert.is(await read(client, Bucket, 'k'), 'two')
      assert.equal((await listed(client, Bucket)).rows, [`>k ${theirs} 3`])
    })
  })

  if (objectRecords === 'all') {
    deletion('versions with the same bytes are deleted one by one, in any order', async (context) => {
      const { s3 } = context
      const Bucket = await newBucket(s3, 'master.same')
      const ids: string[] = []
      for (const body of ['one', 'one', 'one', 'two', 'two']) ids.push(await put(s3, Bucket, 'k', body))
      const left = new Set(ids)
      for (const index of [0, 4, 2, 3, 1]) {
        const id = ids[index] ?? ''
        await hide(s3, Bucket, 'k', id)
        left.delete(id)
        const newestFirst = [...left].reverse()
        await anew(context, async (client) => {
          const { page, rows } = await listed(client, Bucket)
          assert.equal(
            rows,
            newestFirst.map((each, age) => `${age === 0 ? '>' : ''}k ${each} 3`),
          )
          assert.is(await refusal(read(client, Bucket, 'k', id)), '404 NoSuchVersion')
          for (const { VersionId, ETag } of page.Versions ?? []) {
            const found = await client.send(new HeadObjectCommand({ Bucket, Key: 'k', VersionId }))
            assert.is(found.ETag, ETag)
            assert.is(await read(client, Bucket, 'k', VersionId), ids.indexOf(VersionId ?? '') < 3 ? 'one' : 'two')
          }
          if (newestFirst.length > 0) assert.is((await head(client, Bucket, 'k')).VersionId, newestFirst[0])
          else assert.is(await refusal(read(client, Bucket, 'k')), '404 NoSuchKey')
        })
      }
    })
  }

  deletion('conditions apply to the named version', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.conditional')
    const first = await put(s3, Bucket, 'k', 'one')
    const { ETag } = await head(s3, Bucket, 'k')
    const second = await put(s3, Bucket, 'k', 'two')
    assert.is(await refusal(hide(s3, Bucket, 'k', second, { IfMatch: ETag })), '412 PreconditionFailed')
    assert.is(await refusal(hide(s3, Bucket, 'k', first, { IfMatchSize: 4 })), '412 PreconditionFailed')
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${second} 3`, `k ${first} 3`])
    await hide(s3, Bucket, 'k', first, { IfMatch: ETag })
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${second} 3`])
    assert.is(await refusal(hide(s3, Bucket, 'k', first, { IfMatch: ETag })), '404 NoSuchKey')
    const errors = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k', VersionId: second, ETag }] } }),
    )
    assert.equal(
      errors.Errors?.map(({ Code }) => Code),
      ['PreconditionFailed'],
    )
  })

  deletion('deleting a missing version succeeds', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.never')
    const id = await put(s3, Bucket, 'k', 'one')
    for (const other of ['f'.repeat(32), 'null']) await hide(s3, Bucket, 'k', other)
    await hide(s3, Bucket, 'missing', id)
    assert.is(await refusal(hide(s3, Bucket, 'k', 'not-an-id')), '400 InvalidArgument')
    assert.is(await refusal(hide(s3, 'master.no-such', 'k', id)), '404 NoSuchBucket')
    assert.is(await refusal(hide(s3, `${id}.${Bucket}`, 'k', id)), '405 MethodNotAllowed')
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${id} 3`])
  })

  deletion('a key whose path is now a directory is not restored, and its version stays', async ({ s3 }) => {
    const Bucket = await newBucket(s3, 'master.collision')
    const first = await put(s3, Bucket, 'k', 'one')
    const marker = await remove(s3, Bucket, 'k')
    await put(s3, Bucket, 'k/below', 'x')
    assert.is(await refusal(hide(s3, Bucket, 'k', marker)), '409 InvalidBucketState')
    assert.equal((await listed(s3, Bucket, { Prefix: 'k', Delimiter: '/' })).rows, [`k ${first} 3`, `>k ${marker} -`])
  })

  deletion('versions that are deleted concurrently, one by one, are all gone', async (context) => {
    const { s3 } = context
    const Bucket = await newBucket(s3, 'master.at-once')
    const ids: string[] = []
    for (const body of ['one', 'two', 'three', 'four']) ids.push(await put(s3, Bucket, 'k', body))
    ids.push(await remove(s3, Bucket, 'k'))
    await Promise.all(ids.map((id) => hide(s3, Bucket, 'k', id)))
    await anew(context, async (client) => {
      assert.equal((await listed(client, Bucket)).rows, [])
      assert.is(await refusal(read(client, Bucket, 'k')), '404 NoSuchKey')
    })
  })

  deletion('pages of versions skip hidden ones', async (context) => {
    const { s3 } = context
    const Bucket = await newBucket(s3, 'master.pages')
    const ids: string[] = []
    for (let index = 0; index < 6; index += 1) ids.push(await put(s3, Bucket, 'k', `${index}`))
    for (const index of [5, 3, 2]) await hide(s3, Bucket, 'k', ids[index] ?? '')
    await anew(context, async (client) => {
      const rows: string[] = []
      let marker = {}
      for (;;) {
        const { page, rows: some } = await listed(client, Bucket, { MaxKeys: 1, ...marker })
        rows.push(...some)
        if (page.IsTruncated !== true) break
        marker = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      }
      assert.equal(rows, [`>k ${ids[4]} 1`, `k ${ids[1]} 1`, `k ${ids[0]} 1`])
    })
  })

  deletion.run()
}

const refused = suite('deletion of versions without hiding')

for (const options of [{ objectRecords: 'off' }, { objectRecords: 'all', deleteVersions: 'refuse' }] as const) {
  refused(`is refused with ${JSON.stringify(options)}`, async () => {
    const gateway = await startGateway({ options })
    const s3 = s3Client(gateway)
    const Bucket = await newBucket(s3, 'master.refused')
    const id = await put(s3, Bucket, 'k', 'one')
    assert.is(await refusal(hide(s3, Bucket, 'k', id)), '405 MethodNotAllowed')
    const { Errors } = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k', VersionId: id }] } }),
    )
    assert.equal(
      Errors?.map(({ Code }) => Code),
      ['MethodNotAllowed'],
    )
    assert.is(await read(s3, Bucket, 'k', id), 'one')
    s3.destroy()
    await gateway.close()
  })
}

refused.run()
