import { CreateBucketCommand, DeleteBucketCommand, ListBucketsCommand } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const test = suite('deleted buckets')

test('repos are deleted one after the other, since concurrent deletions fail each other on pachd', async () => {
  const pfs = createMemoryPfs()
  const buckets = ['one', 'two', 'three']
  let examined = 0
  let allExamined = () => {}
  const examination = new Promise<void>((resolve) => {
    allExamined = resolve
  })
  let running = 0
  let most = 0
  const gateway = await startGateway({
    pfs: {
      ...pfs,
      listBranch(...args) {
        examined += 1
        if (examined === buckets.length) allExamined()
        return pfs.listBranch(...args)
      },
      async deleteRepo(...args) {
        running += 1
        most = Math.max(most, running)
        await examination
        const deleted = await pfs.deleteRepo(...args)
        running -= 1
        return deleted
      },
    },
  })
  const s3 = s3Client(gateway)
  for (const Bucket of buckets) await s3.send(new CreateBucketCommand({ Bucket }))
  examined = 0
  await Promise.all(buckets.map((Bucket) => s3.send(new DeleteBucketCommand({ Bucket }))))
  assert.is(most, 1)
  assert.equal((await s3.send(new ListBucketsCommand({}))).Buckets ?? [], [])
  s3.destroy()
  await gateway.close()
})

test.run()
