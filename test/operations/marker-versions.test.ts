import { DeleteObjectCommand, PutObjectCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'
import { head, listed, newBucket } from './versioned-bucket.js'

/** Maximum versions in the record of a directory marker. */
const maxVersions = 1000

const repo = { project: 'default', name: 'marked' } as const
const userRepo = { ...repo, type: 'user' } as const
const records = { repo: { ...repo, type: 'meta' } as const, branch: 's3-records' }
const Bucket = 'master.marked'

interface Context {
  readonly pfs: PachydermApi
  /** Runs work just before the next commit of records of the first gateway. */
  before(work: () => Promise<unknown>): void
  readonly s3: S3Client
  readonly otherS3: S3Client
  /** Knows nothing but what is in PFS. */
  readonly thirdS3: S3Client
  close(): Promise<void>
}

const marked = suite<Context>('the versions of directory markers')

/** PFS's clock is an hour behind that of the gateways. */
marked.before.each(async (context) => {
  const pfs = createMemoryPfs({ now: () => new Date(Date.now() - 3_600_000) })
  let waiting: (() => Promise<unknown>) | undefined
  const watched: PachydermApi = {
    ...pfs,
    modifyFile: async (commit, operations, options) => {
      const work = commit.repo.type === 'meta' ? waiting : undefined
      if (work !== undefined) waiting = undefined
      await work?.()
      return pfs.modifyFile(commit, operations, options)
    },
  }
  const gateways: Gateway[] = []
  for (const each of [watched, pfs, pfs]) gateways.push(await startGateway({ pfs: each }))
  const [s3, otherS3, thirdS3] = gateways.map((gateway) => s3Client(gateway))
  Object.assign(context, {
    pfs,
    before: (work: () => Promise<unknown>) => {
      waiting = work
    },
    s3,
    otherS3,
    thirdS3,
    async close() {
      for (const client of [s3, otherS3, thirdS3]) client?.destroy()
      for (const gateway of gateways) await gateway.close()
    },
  })
})

marked.after.each(({ close }) => close())

const mark = (s3: S3Client, bucket: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'd/', Body: '' }))
const removeMarker = (s3: S3Client, bucket: string) => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'd/' }))

/** Gives the only record `count` more versions on a branch, before its own. */
async function addVersions(pfs: PachydermApi, branch: string, count: number): Promise<void> {
  for await (const { fileType, file } of pfs.globFile({ commit: records, pattern: '/objects/**' })) {
    if (fileType !== 'FILE') continue
    const pieces: Uint8Array[] = []
    for await (const piece of pfs.getFile({ file })) pieces.push(piece)
    const record = JSON.parse(Buffer.concat(pieces).toString())
    const earlier = Array.from({ length: count }, (_, index) => ({
      commitId: index.toString(16).padStart(32, '0'),
      branch,
      time: new Date(index).toISOString(),
      marker: 'made',
    }))
    const raw = Buffer.from(JSON.stringify({ ...record, versions: [...record.versions, ...earlier] }))
    await pfs.modifyFile(records, [{ deleteFile: { path: file.path } }, { addFile: { path: file.path, raw } }])
  }
}

marked('a marker stays when that key of another branch changes often', async ({ pfs, s3, thirdS3 }) => {
  await newBucket(s3, Bucket)
  const other = await newBucket(s3, 'other.marked')
  const { VersionId } = await mark(s3, Bucket)
  await addVersions(pfs, 'other', maxVersions - 1)
  await mark(s3, other)
  await removeMarker(s3, other)
  for (const client of [s3, thirdS3]) {
    assert.equal((await listed(client, Bucket)).rows, [`>d/ ${VersionId} 0`])
    assert.is((await head(client, Bucket, 'd/')).VersionId, VersionId)
  }
})

marked('a marker stays when two gateways write its full record', async ({ pfs, before, s3, otherS3, thirdS3 }) => {
  await newBucket(s3, Bucket)
  await mark(s3, Bucket)
  await addVersions(pfs, 'master', maxVersions - 1)
  before(async () => {
    for (let index = 0; index < 3; index += 1) await mark(otherS3, Bucket)
  })
  await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'd/', Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }))
  assert.is((await head(s3, Bucket, 'd/')).ContentLength, 0)
  assert.is((await head(thirdS3, Bucket, 'd/')).ContentLength, 0)
})

marked('a marker of an open commit can be deleted after it, whatever the clock of the gateway', async (context) => {
  const { pfs, s3, thirdS3 } = context
  await newBucket(s3, Bucket)
  const commit = await pfs.startCommit({ branch: { repo: userRepo, name: 'master' } })
  const { VersionId } = await mark(s3, Bucket)
  await pfs.finishCommit({ commit })
  assert.is((await head(s3, Bucket, 'd/')).VersionId, VersionId)
  const { VersionId: removal } = await removeMarker(s3, Bucket)
  for (const client of [s3, thirdS3]) {
    assert.equal((await listed(client, Bucket)).rows, [`d/ ${VersionId} 0`, `>d/ ${removal} -`])
    assert.is((await head(client, Bucket, 'd/').catch(({ name }) => name)) as unknown, 'NotFound')
  }
})

marked.run()
