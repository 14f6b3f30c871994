import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { listed, newBucket, put } from './versioned-bucket.js'

const cost = suite<{
  gateway: Gateway
  s3: S3Client
  other: Gateway
  otherS3: S3Client
  read: { commits: number; diffs: number }
}>('cost of versions')

/** Counts the commits that are read; the second gateway knows nothing but what is in PFS. */
cost.before.each(async (context) => {
  const truth = createMemoryPfs()
  const read = { commits: 0, diffs: 0 }
  const pfs: PachydermApi = {
    ...truth,
    async *listCommit(request, options) {
      for await (const info of truth.listCommit(request, options)) {
        read.commits += 1
        yield info
      }
    },
    diffFile(request, options) {
      read.diffs += 1
      return truth.diffFile(request, options)
    },
  }
  context.read = read
  context.gateway = await startGateway({ pfs: truth })
  context.s3 = s3Client(context.gateway)
  context.other = await startGateway({ pfs })
  context.otherS3 = s3Client(context.other)
})

cost.after.each(async ({ gateway, s3, other, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  await other.close()
  await gateway.close()
})

cost('a second look at a long history reads only the commits since', async ({ gateway, s3, otherS3, read }) => {
  const Bucket = await newBucket(s3, 'master.long')
  const first = await put(s3, Bucket, 'a/k', 'first')
  for (let index = 0; index < 50; index += 1) await put(s3, Bucket, `b/${index}`, 'x')
  await gateway.flush()
  const list = async () => (await listed(otherS3, Bucket, { Prefix: 'a/' })).rows
  assert.equal(await list(), [`>a/k ${first} 5`])
  assert.ok(read.commits >= 50 && read.commits <= 53, `${read.commits} commits`)

  for (const isNew of [false, true]) {
    if (isNew) await put(s3, Bucket, 'b/new', 'x')
    Object.assign(read, { commits: 0, diffs: 0 })
    assert.equal(await list(), [`>a/k ${first} 5`])
    await otherS3.send(new HeadObjectCommand({ Bucket, Key: 'a/k', VersionId: first }))
    assert.ok(read.commits <= 3 && read.diffs <= 2, JSON.stringify(read))
  }
})

cost('a new version is seen in a cached history', async ({ s3, otherS3 }) => {
  const Bucket = await newBucket(s3, 'master.growing')
  const expected: string[] = []
  for (let index = 0; index < 8; index += 1) {
    expected.unshift(await put(s3, Bucket, 'k', `${index}`))
    const { rows } = await listed(otherS3, Bucket)
    assert.equal(
      rows,
      expected.map((id, age) => `${age === 0 ? '>' : ''}k ${id} 1`),
    )
  }
})

cost.run()
