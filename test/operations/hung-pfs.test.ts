import { mock } from 'node:test'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallOptions } from '../../lib/index.js'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'
import { startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { listed, newBucket, put } from './versioned-bucket.js'

/** How long work goes on that no client can cancel, in milliseconds. */
const limitMilliseconds = 120_000

/** Never settles, unless the call is cancelled. */
function never({ signal }: CallOptions = {}): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason))
  })
}

const hung = suite('a PFS that does not answer')

hung.after.each(() => mock.timers.reset())

hung('fails a deletion of a version after two minutes, and the next one is served', async () => {
  const truth = createMemoryPfs()
  const reached = deferred()
  let isHung = false
  let signalOfRequest: AbortSignal | undefined
  const pfs: PachydermApi = {
    ...truth,
    inspectCommit: (request, options) => {
      // The first inspection that has not the signal of a request.
      if (!isHung || options?.signal === signalOfRequest) return truth.inspectCommit(request, options)
      isHung = false
      reached.resolve()
      return never(options)
    },
    inspectRepo: (repo, options) => {
      signalOfRequest = options?.signal
      return truth.inspectRepo(repo, options)
    },
  }
  const gateway = await startGateway({ pfs })
  const s3 = s3Client(gateway)
  try {
    const Bucket = await newBucket(s3, 'master.hung')
    const ids = [await put(s3, Bucket, 'k', '1'), await put(s3, Bucket, 'k', '2'), await put(s3, Bucket, 'k', '3')]
    await gateway.flush()
    const remove = (versionId = '') =>
      fetch(`${gateway.endpoint}/${Bucket}/k?versionId=${versionId}`, { method: 'DELETE' })
    isHung = true
    mock.timers.enable({ apis: ['setTimeout'] })
    const first = remove(ids[0])
    await reached.promise
    const second = remove(ids[1])
    mock.timers.tick(limitMilliseconds)
    const { status } = await first
    mock.timers.reset()
    assert.equal([status, (await second).status], [503, 204])
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${ids[2]} 1`, `k ${ids[0]} 1`])
  } finally {
    s3.destroy()
    await gateway.close()
  }
})

hung('fails a deletion that restores a version after two minutes, and the next one is served', async () => {
  const truth = createMemoryPfs()
  const reached = deferred()
  let isHung = false
  const pfs: PachydermApi = {
    ...truth,
    modifyFile: (commit, operations, options) => {
      if (!isHung) return truth.modifyFile(commit, operations, options)
      isHung = false
      reached.resolve()
      return never(options)
    },
  }
  const gateway = await startGateway({ pfs })
  const s3 = s3Client(gateway)
  try {
    const Bucket = await newBucket(s3, 'master.hung')
    const ids = [await put(s3, Bucket, 'k', '1'), await put(s3, Bucket, 'k', '2')]
    await gateway.flush()
    const remove = () => fetch(`${gateway.endpoint}/${Bucket}/k?versionId=${ids[1]}`, { method: 'DELETE' })
    isHung = true
    mock.timers.enable({ apis: ['setTimeout'] })
    const first = remove()
    await reached.promise
    mock.timers.tick(limitMilliseconds)
    const { status } = await first
    mock.timers.reset()
    assert.equal([status, (await remove()).status], [503, 204])
    assert.equal((await listed(s3, Bucket)).rows, [`>k ${ids[0]} 1`])
  } finally {
    s3.destroy()
    await gateway.close()
  }
})

hung('holds a write with metadata up behind a write-behind for two minutes', async () => {
  const truth = createMemoryPfs()
  const reached = deferred()
  const failed = deferred()
  let isHung = false
  const pfs: PachydermApi = {
    ...truth,
    async *getFileTar(request, options) {
      if (!isHung) return yield* truth.getFileTar(request, options)
      isHung = false
      reached.resolve()
      await never(options)
    },
  }
  const first = await startGateway({ pfs: truth })
  const options = { objectRecords: 'needed', onError: () => failed.resolve() } as const
  const gateway = await startGateway({ pfs, options })
  const [firstS3, s3] = [s3Client(first), s3Client(gateway)]
  try {
    const Bucket = await newBucket(firstS3, 'master.hung')
    const object = { Bucket, Key: 'k', Body: 'same' }
    await firstS3.send(new PutObjectCommand({ ...object, Metadata: { v: '1' } }))
    await s3.send(new PutObjectCommand(object))
    isHung = true
    mock.timers.enable({ apis: ['setTimeout'] })
    const flushed = gateway.flush()
    await reached.promise
    const write = fetch(`${gateway.endpoint}/${Bucket}/k`, {
      method: 'PUT',
      body: 'same',
      headers: { 'x-amz-meta-v': '2' },
    })
    mock.timers.tick(limitMilliseconds)
    await flushed
    await failed.promise
    assert.is((await write).status, 200)
    mock.timers.reset()
    const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }))
    assert.equal(Metadata, { v: '2' })
  } finally {
    firstS3.destroy()
    s3.destroy()
    await first.close()
    await gateway.close()
  }
})

hung.run()
