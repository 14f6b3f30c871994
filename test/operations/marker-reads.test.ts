import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { turn } from '../faults/support/rig.js'
import { deferred } from '../support/deferred.js'
import { startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { newBucket } from './versioned-bucket.js'

const requestStart = 'pfs-s3-gateway:request:start'

/** Turns of the event loop in which a request that has started waits for PFS. */
const quietTurns = 20

const Bucket = 'master.markers'
const read = (s3: S3Client) => s3.send(new HeadObjectCommand({ Bucket, Key: 'd/' }))

/** Settles when `requests` have started and wait for PFS. */
async function started(requests: number): Promise<void> {
  const all = deferred()
  let count = 0
  const onStart = (): void => {
    count += 1
    if (count === requests) all.resolve()
  }
  subscribe(requestStart, onStart)
  await all.promise
  unsubscribe(requestStart, onStart)
  for (let turns = 0; turns < quietTurns; turns += 1) await turn()
}

const reads = suite('reads of directory markers')

reads('do not wait for later ones', async () => {
  const truth = createMemoryPfs()
  let checks = 0
  let during: ((check: number) => Promise<unknown>) | undefined
  const pfs: PachydermApi = {
    ...truth,
    inspectCommit: async (request, options) => {
      if (request.commit.repo.type === 'meta' && during !== undefined) {
        checks += 1
        await during(checks)
      }
      return truth.inspectCommit(request, options)
    },
  }
  const gateway = await startGateway({ pfs })
  const s3 = s3Client(gateway)
  try {
    await newBucket(s3, Bucket)
    await s3.send(new PutObjectCommand({ Bucket, Key: 'd/', Body: '' }))
    await read(s3)
    const later: Promise<unknown>[] = []
    const first = started(10)
    during = async (check) => {
      if (check === 1) return first
      // Each look at the head of the records has another read begin meanwhile.
      if (check > 20) return
      const one = started(1)
      later.push(read(s3))
      await one
    }
    await Promise.all(Array.from({ length: 10 }, () => read(s3)))
    const looks = checks
    during = undefined
    await Promise.all(later)
    assert.ok(looks <= 4, `${looks} looks at the head of the records for ten reads`)
  } finally {
    s3.destroy()
    await gateway.close()
  }
})

reads.run()
