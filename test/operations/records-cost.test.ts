import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.cost'

/** Calls about records by method, since they were last taken; commits of data are counted as `data`. */
class RecordCalls {
  #counts: Record<string, number> = {}
  #gate: Promise<void> | undefined

  /** Holds reads of records until this many requests have started. */
  holdUntil(requests: number): void {
    const gate = deferred()
    let started = 0
    const onStart = (): void => {
      started += 1
      if (started < requests) return
      unsubscribe('pfs-s3-gateway:request:start', onStart)
      gate.resolve()
    }
    subscribe('pfs-s3-gateway:request:start', onStart)
    this.#gate = gate.promise
  }

  watch(pfs: PachydermApi): PachydermApi {
    return new Proxy(pfs, {
      get: (target, name: keyof PachydermApi) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...parameters: unknown[]) => {
          const text = JSON.stringify(parameters[0]) ?? ''
          if (text.includes('"type":"meta"')) this.#counts[name] = (this.#counts[name] ?? 0) + 1
          else if (name === 'modifyFile') this.#counts.data = (this.#counts.data ?? 0) + 1
          if (name === 'getFileTar') return this.#afterGate(() => method.apply(target, parameters))
          return method.apply(target, parameters)
        }
      },
    })
  }

  async *#afterGate(read: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    await this.#gate
    yield* read()
  }

  take(): Readonly<Record<string, number>> {
    const counts = this.#counts
    this.#counts = {}
    return counts
  }
}

const cost = suite<{ gateway: Gateway; s3: S3Client; other: S3Client; close: () => Promise<void>; calls: RecordCalls }>(
  'calls for records',
)

/** The second gateway has nothing in its caches. */
cost.before.each(async (context) => {
  const pfs = createMemoryPfs()
  context.calls = new RecordCalls()
  context.gateway = await startGateway({ pfs: context.calls.watch(pfs) })
  const other = await startGateway({ pfs: context.calls.watch(pfs) })
  context.s3 = s3Client(context.gateway)
  context.other = s3Client(other)
  context.close = async () => {
    context.s3.destroy()
    context.other.destroy()
    await other.close()
    await context.gateway.close()
  }
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

cost.after.each(({ close }) => close())

const put = (s3: S3Client, Key: string, Metadata?: Record<string, string>) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: Key, ...(Metadata && { Metadata }) }))

cost('plain writes share one commit of records behind them, which reads none', async ({ gateway, s3, calls }) => {
  await put(s3, 'first')
  await gateway.flush()
  calls.take()
  for (let index = 0; index < 5; index += 1) await put(s3, `plain-${index}`)
  await gateway.flush()
  const { modifyFile = 0, getFileTar, data } = calls.take()
  assert.equal([getFileTar, data], [undefined, 5])
  assert.ok(modifyFile <= 2, `${modifyFile} commits`)
})

cost('writes with metadata that share a commit share one of records', async ({ gateway, s3, calls }) => {
  await put(s3, 'first', { a: 'b' })
  await gateway.flush()
  calls.take()
  await Promise.all(Array.from({ length: 16 }, (_, index) => put(s3, `described-${index}`, { a: String(index) })))
  const { modifyFile = 0, getFileTar, data = 0 } = calls.take()
  assert.is(getFileTar, undefined)
  // One more may be written behind.
  assert.ok(modifyFile <= data + 1, `${modifyFile} commits of records for ${data} of data`)
})

cost('a read asks once for a record that is not cached, and not at all for one that is', async (context) => {
  const { gateway, s3, other, calls } = context
  await put(s3, 'k', { a: 'b' })
  await gateway.flush()
  await other.send(new HeadObjectCommand({ Bucket, Key: 'k' }))
  calls.take()
  await other.send(new HeadObjectCommand({ Bucket, Key: 'k' }))
  await (await other.send(new GetObjectCommand({ Bucket, Key: 'k' }))).Body?.transformToString()
  assert.is(calls.take().getFileTar, undefined)
})

const keys = Array.from({ length: 48 }, (_, index) => `${index}`.padStart(2, '0'))
const head = (s3: S3Client, Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key }))

for (const [where, nameOf] of [
  ['one directory', (key: string) => `d/${key}`],
  ['a directory each', (key: string) => `${key}/d`],
] as const) {
  cost(`readers of many keys at once share reads of records: in ${where}`, async ({ gateway, s3, other, calls }) => {
    await Promise.all(keys.map((key) => put(s3, nameOf(key), { a: key })))
    await gateway.flush()
    calls.take()
    calls.holdUntil(keys.length)
    const found = await Promise.all(keys.map((key) => head(other, nameOf(key))))
    assert.equal(
      found.map(({ Metadata }) => Metadata),
      keys.map((a) => ({ a })),
    )
    // Three reads of one key each, and then at most eight ranges.
    const { getFileTar = 0 } = calls.take()
    assert.ok(getFileTar <= 14, `${getFileTar} reads`)
  })
}

cost('writers with conditions at once share reads of records', async ({ gateway, s3, other, calls }) => {
  const etags = await Promise.all(keys.map(async (key) => (await put(s3, `${key}/d`, { a: key })).ETag ?? ''))
  await gateway.flush()
  calls.take()
  calls.holdUntil(keys.length)
  await Promise.all(
    keys.map((key, index) =>
      other.send(new PutObjectCommand({ Bucket, Key: `${key}/d`, Body: 'new', IfMatch: etags[index] ?? '' })),
    ),
  )
  const { getFileTar = 0 } = calls.take()
  assert.ok(getFileTar <= 20, `${getFileTar} reads`)
})

cost('one reader of a directory reads its records twice, also for objects without a record', async (context) => {
  const { gateway, s3, other, calls } = context
  const without = keys.map((key) => `d/none-${key}`)
  const commit = { repo: { project: 'default', name: 'cost', type: 'user' }, branch: 'master' } as const
  await gateway.pfs.modifyFile(
    commit,
    without.map((key) => ({ addFile: { path: `/${key}`, raw: Buffer.from(key) } })),
  )
  for (const key of keys.slice(0, 5)) await put(s3, `d/${key}`, { a: key })
  await gateway.flush()
  await head(other, 'd/00')
  calls.take()
  for (const key of [...without, ...keys.slice(0, 5).map((key) => `d/${key}`)]) await head(other, key)
  const { getFileTar = 0 } = calls.take()
  assert.is(getFileTar, 1)
})

cost('one reader of a directory with many records reads them in few calls', async ({ gateway, s3, other, calls }) => {
  const many = Array.from({ length: 300 }, (_, index) => `d/${index}`)
  await Promise.all(many.map((key) => put(s3, key, { a: key })))
  await gateway.flush()
  calls.take()
  // It reads ahead from the start of the directory.
  const read = many.toSorted().slice(-20)
  for (const key of read) assert.equal((await head(other, key)).Metadata, { a: key })
  const { getFileTar = 0 } = calls.take()
  assert.ok(getFileTar <= 6, `${getFileTar} reads`)
})

cost('a bucket without records costs no more than a look at its branch', async ({ gateway, other, calls }) => {
  const commit = { repo: { project: 'default', name: 'cost', type: 'user' }, branch: 'master' } as const
  await gateway.pfs.modifyFile(commit, [{ addFile: { path: '/k', raw: Buffer.from('x') } }])
  calls.take()
  const started = Date.now()
  for (let index = 0; index < 10; index += 1) await other.send(new HeadObjectCommand({ Bucket, Key: 'k' }))
  await other.send(new ListObjectsV2Command({ Bucket }))
  const seconds = Math.ceil((Date.now() - started) / 1000)
  const { inspectCommit = 0, ...others } = calls.take()
  assert.ok(inspectCommit <= 1 + seconds, `${inspectCommit} looks`)
  assert.equal(others, {})
})

cost('a page asks for its records in few calls', async ({ gateway, other, calls }) => {
  const commit = { repo: { project: 'default', name: 'cost', type: 'user' }, branch: 'master' } as const
  const paths = Array.from({ length: 1000 }, (_, index) => `/d${index % 5}/${index}`)
  await gateway.pfs.modifyFile(
    commit,
    paths.map((path) => ({ addFile: { path, raw: Buffer.from(path) } })),
  )
  await put(other, 'a', { a: 'b' })
  calls.take()
  const { KeyCount } = await other.send(new ListObjectsV2Command({ Bucket, Prefix: 'd' }))
  assert.is(KeyCount, 1000)
  const { getFileTar = 0 } = calls.take()
  // Twice, if another gateway may have written records since the last look.
  assert.ok(getFileTar <= 16, `${getFileTar} calls`)
})

cost('pages of a directory read their records once, also of objects that have none', async (context) => {
  const { gateway, s3, other, calls } = context
  const commit = { repo: { project: 'default', name: 'cost', type: 'user' }, branch: 'master' } as const
  const paths = Array.from({ length: 100 }, (_, index) => `/d/${100 + index}`)
  await gateway.pfs.modifyFile(
    commit,
    paths.map((path) => ({ addFile: { path, raw: Buffer.from(path) } })),
  )
  const recorded = Array.from({ length: 50 }, (_, index) => `d/${100 + index}`)
  const etags = new Map(await Promise.all(recorded.map(async (key) => [key, (await put(s3, key)).ETag] as const)))
  await gateway.flush()
  calls.take()
  for (const repetition of [1, 2]) {
    const found: [string, string][] = []
    for (let token: string | undefined, page = 0; page === 0 || token !== undefined; page += 1) {
      const query = { Bucket, Prefix: 'd/1', MaxKeys: 30, ContinuationToken: token }
      const { Contents = [], NextContinuationToken } = await other.send(new ListObjectsV2Command(query))
      for (const { Key = '', ETag = '' } of Contents) found.push([Key, ETag])
      token = NextContinuationToken
    }
    assert.is(found.length, 100)
    for (const [key, etag] of found) assert.is(etag.includes('-1'), !etags.has(key), key)
    for (const [key, etag] of etags) assert.is(new Map(found).get(key), etag)
    const { getFileTar = 0 } = calls.take()
    assert.is(getFileTar, repetition === 1 ? 2 : 0)
  }
})

cost.run()
