import { createHash } from 'node:crypto'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const object = { Bucket: 'master.data', Key: 'k' }
const branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' } as const
const md5 = (content: string | Uint8Array) => `"${createHash('md5').update(content).digest('hex')}"`

const open = suite('records of writes into an open commit')

for (const Metadata of [{ writer: 'first' }, {}]) {
  const kind = 'writer' in Metadata ? 'with' : 'without'
  open(`a write ${kind} metadata does not describe bytes that another writer put in its place`, async () => {
    const truth = createMemoryPfs({ repos: { data: { master: {} } } })
    await truth.startCommit({ branch })
    const other = await startGateway({ pfs: truth, options: { objectRecords: 'all' } })
    const otherS3 = s3Client(other)
    const third = await startGateway({ pfs: truth, options: { objectRecords: 'all' } })
    const thirdS3 = s3Client(third)
    let isReplaced = false
    const raced: PachydermApi = {
      ...truth,
      addFileSet: async (request, options) => {
        await truth.addFileSet(request, options)
        if (isReplaced) return
        isReplaced = true
        await otherS3.send(new PutObjectCommand({ ...object, Body: 'other bytes' }))
        await other.flush()
      },
    }
    const gateway = await startGateway({ pfs: raced, options: { objectRecords: 'all' } })
    const s3 = s3Client(gateway)
    try {
      // So large that PFS alone knows its hash.
      await s3.send(new PutObjectCommand({ ...object, Body: Buffer.alloc(9 * 1024 * 1024, 'a'), Metadata }))
      assert.ok(isReplaced)
      await gateway.flush()
      for (const client of [s3, otherS3, thirdS3]) {
        const head = await client.send(new HeadObjectCommand(object))
        assert.equal([head.ContentLength, head.ETag, head.Metadata], [11, md5('other bytes'), {}])
      }
    } finally {
      s3.destroy()
      otherS3.destroy()
      thirdS3.destroy()
      await gateway.close()
      await other.close()
      await third.close()
    }
  })
}

open.run()
