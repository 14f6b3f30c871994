import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { newBucket } from './versioned-bucket.js'

const Bucket = 'master.paged'
const keys = Array.from({ length: 20 }, (_, index) => `k${String(index).padStart(2, '0')}`)

interface Context {
  readonly s3: S3Client
  readonly flush: () => Promise<void>
  /** Runs work in each read of a page's records by the gateway, after PFS has sent the records. */
  during(work: (read: number) => Promise<unknown>): void
  /** The number of such reads. */
  reads(): number
  close(): Promise<void>
}

const paged = suite<Context>('records of a page while its keys are written')

/** The gateway has read none of the keys' records. */
paged.before.each(async (context) => {
  const truth = createMemoryPfs()
  let work: ((read: number) => Promise<unknown>) | undefined
  let reads = 0
  const watched: PachydermApi = {
    ...truth,
    async *getFileTar(request, options) {
      if (work === undefined) return yield* truth.getFileTar(request, options)
      reads += 1
      yield* truth.getFileTar(request, options)
      await work(reads)
    },
  }
  const writer = await startGateway({ pfs: truth })
  const writerS3 = s3Client(writer)
  await newBucket(writerS3, Bucket)
  for (const Key of keys) await put(writerS3, Key, 'first', { v: '1' })
  writerS3.destroy()
  await writer.close()
  const gateway = await startGateway({ pfs: watched })
  const s3 = s3Client(gateway)
  Object.assign(context, {
    s3,
    flush: gateway.flush,
    during: (some: typeof work) => {
      work = some
    },
    reads: () => reads,
    async close() {
      s3.destroy()
      await gateway.close()
    },
  })
})

paged.after.each(({ close }) => close())

async function put(s3: S3Client, Key: string, Body: string, Metadata?: Record<string, string>) {
  return (await s3.send(new PutObjectCommand({ Bucket, Key, Body, ...(Metadata && { Metadata }) }))).ETag
}

async function list(s3: S3Client, Prefix = ''): Promise<ReadonlyMap<string | undefined, string | undefined>> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))
  return new Map(Contents.map(({ Key, ETag }) => [Key, ETag]))
}

paged('are not read again and again', async ({ s3, during, reads }) => {
  const writes = 8
  during(async (read) => {
    if (read <= writes) await put(s3, keys[read] ?? '', 'next', { v: '2' })
  })
  const tags = await list(s3)
  assert.is(tags.size, keys.length)
  for (const tag of tags.values()) assert.match(tag ?? '', /^"[0-9a-f]{32}"$/)
  assert.ok(reads() <= 3, `${reads()} reads`)
})

paged('include a record that is written behind meanwhile', async ({ s3, flush, during }) => {
  const [Key = ''] = keys
  await s3.send(new HeadObjectCommand({ Bucket, Key }))
  const tag = await put(s3, Key, 'second')
  let isFlushed = false
  during(async (read) => {
    // The first read is made before the keys are known. It is in vain after a write to the directory.
    if (read === 1) await put(s3, 'k19', 'next', { v: '2' })
    else {
      await flush()
      isFlushed = true
    }
  })
  assert.is((await list(s3, 'k0')).get(Key), tag)
  assert.ok(isFlushed)
})

paged.run()
