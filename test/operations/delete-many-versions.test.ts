import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { turn } from '../faults/support/rig.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { listed, newBucket, put, read } from './versioned-bucket.js'

/** Turns of the event loop in which every call that does not wait for a held one has been made. */
const quietTurns = 100

/** Counts the calls to PFS by name, those of commits apart for data and records. */
class Calls {
  #counts: Record<string, number> = {}
  /** Called before the next look-ups of a commit of data, one each. */
  beforeInspections: (() => Promise<void>)[] = []
  /** Called before a commit of records. */
  beforeRecords: () => Promise<void> = async () => undefined

  watch(pfs: PachydermApi): PachydermApi {
    return new Proxy(pfs, {
      get: (target, name: keyof PachydermApi) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...parameters: unknown[]) => {
          const isOfRecords = (JSON.stringify(parameters[0]) ?? '').includes('"type":"meta"')
          const counted = name === 'modifyFile' && isOfRecords ? 'records' : name
          this.#counts[counted] = (this.#counts[counted] ?? 0) + 1
          const call = () => method.apply(target, parameters)
          const first = name === 'inspectCommit' && !isOfRecords ? this.beforeInspections.shift() : undefined
          if (first !== undefined) return first().then(call)
          return counted === 'records' ? this.beforeRecords().then(call) : call()
        }
      },
    })
  }

  take(): Readonly<Record<string, number>> {
    const counts = this.#counts
    this.#counts = {}
    return counts
  }

  /** Settles after `requests` have asked for their rights, when nothing has called PFS for many turns of the event loop. */
  async quiet(requests: number): Promise<void> {
    while ((this.#counts.inspectRepo ?? 0) < requests) await turn()
    const count = () => Object.values(this.#counts).reduce((sum, each) => sum + each, 0)
    for (let [turns, seen] = [0, count()]; turns < quietTurns; turns += 1) {
      await turn()
      if (count() !== seen) [turns, seen] = [0, count()]
    }
  }
}

const many = suite<{ gateway: Gateway; s3: S3Client; other: Gateway; otherS3: S3Client; calls: Calls }>(
  'deletion of many versions',
)

/** The second gateway knows nothing but what is in PFS. */
many.before.each(async (context) => {
  const pfs = createMemoryPfs()
  context.calls = new Calls()
  context.gateway = await startGateway({ pfs: context.calls.watch(pfs) })
  context.s3 = s3Client(context.gateway)
  context.other = await startGateway({ pfs: context.calls.watch(pfs) })
  context.otherS3 = s3Client(context.other)
})

many.after.each(async ({ gateway, s3, other, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  await other.close()
  await gateway.close()
})

interface Version {
  readonly Key: string
  readonly VersionId: string
}

async function putVersions({ s3, gateway }: { s3: S3Client; gateway: Gateway }, Bucket: string): Promise<Version[]> {
  const versions: Version[] = []
  for (let index = 0; index < 60; index += 1) {
    const Key = `d${index % 3}/k${index % 30}`
    versions.push({ Key, VersionId: await put(s3, Bucket, Key, `${index}`) })
  }
  await gateway.flush()
  return versions
}

for (const name of ['the gateway that wrote them', 'another gateway'] as const) {
  many(`one request for ${name} makes two commits and few calls for each key`, async (context) => {
    const { calls, s3, otherS3 } = context
    const Bucket = await newBucket(s3, 'master.many')
    const Objects = await putVersions(context, Bucket)
    const client = name === 'another gateway' ? otherS3 : s3
    // A client that deletes versions has listed them.
    await listed(client, Bucket)
    calls.take()
    const { Deleted } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    assert.is(Deleted?.length, 60)
    const { modifyFile, records, listCommit = 0, diffFile, ...others } = calls.take()
    assert.equal([modifyFile, records, diffFile], [1, 1, undefined])
    assert.ok(listCommit <= 10, `${listCommit} reads of the history`)
    const count = Object.values(others).reduce((sum, each) => sum + each, 0)
    assert.ok(count <= 30 + 20, `${count} calls for 30 keys: ${JSON.stringify(others)}`)
    for (const each of [s3, otherS3]) assert.equal((await listed(each, Bucket)).rows, [])
  })
}

many('concurrent requests share their commits', async (context) => {
  const { calls, s3, otherS3 } = context
  const Bucket = await newBucket(s3, 'master.shared')
  const versions = await putVersions(context, Bucket)
  const newest = versions.slice(30)
  const [first, ...rest] = newest.map((version) => new DeleteObjectCommand({ Bucket, ...version }))
  assert.ok(first)
  const [begun, release] = [deferred(), deferred()]
  calls.take()
  calls.beforeRecords = () => {
    begun.resolve()
    return release.promise
  }
  const deleted = [s3.send(first)]
  await begun.promise
  deleted.push(...rest.map((command) => s3.send(command)))
  await calls.quiet(30)
  release.resolve()
  await Promise.all(deleted)
  const { modifyFile, records } = calls.take()
  assert.equal([modifyFile, records], [2, 2])
  for (const client of [s3, otherS3]) {
    const { rows } = await listed(client, Bucket)
    assert.equal(
      rows.map((row) => row.split(' ')[1]).sort(),
      versions
        .slice(0, 30)
        .map(({ VersionId }) => VersionId)
        .sort(),
    )
    assert.is(await read(client, Bucket, 'd1/k1'), '1')
  }
})

many('a refused deletion fails alone among those that share a commit', async (context) => {
  const { calls, s3, gateway } = context
  const Bucket = await newBucket(s3, 'master.apart')
  const ids = [await put(s3, Bucket, 'k', '1'), await put(s3, Bucket, 'k', '2'), await put(s3, Bucket, 'k', '3')]
  await gateway.flush()
  const [begun, release] = [deferred(), deferred()]
  calls.take()
  calls.beforeRecords = () => {
    begun.resolve()
    return release.promise
  }
  const remove = (VersionId: string | undefined, IfMatch?: string) =>
    s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId, ...(IfMatch && { IfMatch }) }))
  const before = remove(ids[2])
  await begun.promise
  const outcomes = Promise.allSettled([remove('not-an-id'), remove(ids[1]), remove(ids[0], '"other"')])
  await calls.quiet(4)
  release.resolve()
  await before
  assert.equal(
    (await outcomes).map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected'],
  )
  assert.equal((await listed(s3, Bucket)).rows, [`>k ${ids[0]} 1`])
})

many('a moved branch refuses only the versions that would be restored', async (context) => {
  const { calls, gateway, s3, otherS3 } = context
  const Bucket = await newBucket(s3, 'master.moved')
  const [first, second] = [await put(s3, Bucket, 'k', '1'), await put(s3, Bucket, 'k', '2')]
  const other = [await put(s3, Bucket, 'other', '1'), await put(s3, Bucket, 'other', '2')]
  const last = await put(s3, Bucket, 'k', '3')
  await gateway.flush()
  const nothing = async () => undefined
  const move = async () => {
    const repo = { project: 'default', name: 'moved', type: 'user' } as const
    await gateway.pfs.createBranch({ branch: { repo, name: 'master' }, head: { repo, id: other[1] ?? '' } })
  }
  // The head is looked at for the right to write, the versions, the current files, and in the turn.
  calls.beforeInspections = [nothing, nothing, nothing, move]
  const Objects = [
    { Key: 'k', VersionId: last },
    { Key: 'other', VersionId: other[0] },
  ]
  const { Deleted = [], Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
  assert.equal(
    [calls.beforeInspections, Deleted.map(({ Key }) => Key), Errors.map(({ Key, Code }) => `${Key} ${Code}`)],
    [[], ['other'], ['k OperationAborted']],
  )
  for (const client of [s3, otherS3]) {
    const { rows } = await listed(client, Bucket)
    assert.equal(rows, [`>k ${second} 1`, `k ${first} 1`, `>other ${other[1]} 1`])
  }
})

many.run()
