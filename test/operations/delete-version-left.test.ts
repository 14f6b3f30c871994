import { once } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { listed, newBucket, put, read } from './versioned-bucket.js'

const left = suite('deletion of a version whose client leaves')

left('hides the version and the commit that restores the one before', async () => {
  const truth = createMemoryPfs()
  const client = new AbortController()
  let isArmed = false
  let signalOfRequest: AbortSignal | undefined
  const watched: PachydermApi = {
    ...truth,
    inspectRepo: (repo, options) => {
      if (isArmed) signalOfRequest ??= options?.signal
      return truth.inspectRepo(repo, options)
    },
    inspectCommit: (request, options) => {
      // As over gRPC.
      if (options?.signal?.aborted) return Promise.reject(options.signal.reason)
      return truth.inspectCommit(request, options)
    },
    modifyFile: async (commit, operations, options) => {
      await truth.modifyFile(commit, operations, options)
      if (!isArmed || commit.repo.type !== 'user') return
      isArmed = false
      assert.ok(signalOfRequest)
      const gone = once(signalOfRequest, 'abort')
      client.abort()
      await gone
    },
  }
  const gateway = await startGateway({ pfs: watched, options: { objectRecords: 'all' } })
  const s3 = s3Client(gateway)
  const other = await startGateway({ pfs: truth, options: { objectRecords: 'all' } })
  const otherS3 = s3Client(other)
  try {
    const Bucket = await newBucket(s3, 'master.left')
    const first = await put(s3, Bucket, 'k', 'one')
    const second = await put(s3, Bucket, 'k', 'two')
    const beside = await put(s3, Bucket, 'beside', 'x')
    await gateway.flush()
    const remove = (key: string, versionId: string, signal?: AbortSignal) =>
      fetch(`${gateway.endpoint}/${Bucket}/${key}?versionId=${versionId}`, { method: 'DELETE', signal: signal ?? null })
    isArmed = true
    const [outcome] = await Promise.allSettled([remove('k', second, client.signal)])
    assert.is(outcome.status, 'rejected')
    // Versions of a branch are deleted one after the other, so the deletion of the client that left is over after this one.
    assert.is((await remove('beside', beside)).status, 204)
    await gateway.flush()
    for (const each of [s3, otherS3]) {
      assert.equal((await listed(each, Bucket)).rows, [`>k ${first} 3`])
      assert.is(await read(each, Bucket, 'k'), 'one')
    }
  } finally {
    s3.destroy()
    otherS3.destroy()
    await other.close()
    await gateway.close()
  }
})

left.run()
