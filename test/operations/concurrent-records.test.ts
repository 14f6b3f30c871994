import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { turn } from '../faults/support/rig.js'
import { ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.concurrent'

interface Context {
  readonly one: Gateway
  readonly s3: S3Client
  readonly other: Gateway
  readonly otherS3: S3Client
  /** Runs work just before the next commit of records of `one`, which has been made ready already. */
  before(work: () => Promise<unknown>): void
  /** A gateway that knows nothing but what is in PFS. */
  readonly thirdS3: S3Client
  close(): Promise<void>
}

const concurrent = suite<Context>('records that two gateways write at the same time')

concurrent.before.each(async (context) => {
  const truth = createMemoryPfs()
  let waiting: (() => Promise<unknown>) | undefined
  const pfs: PachydermApi = {
    ...truth,
    modifyFile: async (commit, operations, options) => {
      const work = commit.repo.type === 'meta' ? waiting : undefined
      if (work !== undefined) waiting = undefined
      await work?.()
      return truth.modifyFile(commit, operations, options)
    },
  }
  const gateways = [await startGateway({ pfs }), await startGateway({ pfs: truth }), await startGateway({ pfs: truth })]
  const clients = gateways.map((gateway) => s3Client(gateway))
  const [one, other] = gateways
  const [s3, otherS3, thirdS3] = clients
  Object.assign(context, {
    one,
    s3,
    other,
    otherS3,
    thirdS3,
    before: (work: () => Promise<unknown>) => {
      waiting = work
    },
    async close() {
      for (const client of clients) client.destroy()
      for (const gateway of gateways) await gateway.close()
    },
  })
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

concurrent.after.each(({ close }) => close())

const put = (s3: S3Client, Key: string, Body: string, Metadata?: Record<string, string>) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...(Metadata && { Metadata }) }))
const tag = (s3: S3Client, Key: string) =>
  s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }))
const head = (s3: S3Client, Key: string, VersionId?: string) =>
  s3.send(new HeadObjectCommand({ Bucket, Key, ...(VersionId !== undefined && { VersionId }) }))
const tagsOf = async (s3: S3Client, Key: string, VersionId?: string) =>
  (
    await s3.send(new GetObjectTaggingCommand({ Bucket, Key, ...(VersionId !== undefined && { VersionId }) }))
  ).TagSet?.map((each) => `${each.Key}=${each.Value}`)

concurrent('new tags are those of the version that they were set for', async (context) => {
  const { one, s3, other, otherS3, thirdS3, before } = context
  const first = await put(s3, 'k', 'same', { v: '1' })
  await one.flush()
  assert.equal(await tagsOf(s3, 'k'), [])
  let second = ''
  before(async () => {
    second = (await put(otherS3, 'k', 'same', { v: '2' })).VersionId ?? ''
    await other.flush()
  })
  await tag(s3, 'k')
  await one.flush()
  for (const client of [thirdS3, s3]) {
    assert.equal(await tagsOf(client, 'k'), [])
    assert.equal(await tagsOf(client, 'k', first.VersionId), ['a=b'])
    for (const [id, v] of [
      [first.VersionId, '1'],
      [second, '2'],
    ]) {
      const { Metadata, VersionId } = await head(client, 'k', id)
      assert.equal([Metadata, VersionId], [{ v }, id])
    }
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }))
    assert.equal(
      Versions.map((version) => version.VersionId),
      [second, first.VersionId],
    )
  }
})

concurrent(
  'metadata that this gateway writes afterwards stays',
  async ({ one, s3, other, otherS3, thirdS3, before }) => {
    await put(s3, 'k', 'same', { v: '1' })
    await one.flush()
    await tagsOf(s3, 'k')
    let later: Promise<unknown> = Promise.resolve()
    before(async () => {
      await put(otherS3, 'k', 'same', { v: '2' })
      await other.flush()
      later = put(s3, 'k', 'same', { v: '3' })
    })
    await tag(s3, 'k')
    await later
    await one.flush()
    assert.equal((await head(thirdS3, 'k')).Metadata, { v: '3' })
  },
)

concurrent('a directory marker keeps the changes of both gateways', async ({ s3, otherS3, thirdS3, before }) => {
  await put(s3, 'd/', '')
  await tag(s3, 'd/')
  const ids: (string | undefined)[] = []
  before(async () => {
    ids.push((await otherS3.send(new DeleteObjectCommand({ Bucket, Key: 'd/' }))).VersionId)
    ids.push((await put(otherS3, 'd/', '')).VersionId)
  })
  ids.push((await put(s3, 'd/', '')).VersionId)
  const listed = async (client: S3Client) => {
    const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }))
    return [...Versions, ...DeleteMarkers].map(({ VersionId }) => VersionId)
  }
  for (const id of ids) assert.ok((await listed(thirdS3)).includes(id), `${id} of ${ids}`)
})

concurrent('the current version is the newest, whichever gateway recorded its own first', async (context) => {
  const { one, s3, other, otherS3, thirdS3, before } = context
  let second: string | undefined
  before(async () => {
    second = (await put(otherS3, 'k', 'same')).VersionId
    await other.flush()
  })
  await put(s3, 'k', 'same')
  await one.flush()
  assert.is((await head(thirdS3, 'k')).VersionId, second)
})

concurrent.run()

const checks = suite('checks for records of another gateway')

checks('a check that began before a write does not answer a listing after it', async () => {
  const truth = createMemoryPfs()
  const branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' } as const
  await createRepoAndBranch(truth, branch)
  const held = { listing: false, check: false }
  const [listing, listed, checking, checked] = [deferred(), deferred(), deferred(), deferred()]
  const pfs: PachydermApi = {
    ...truth,
    async inspectCommit(request, options) {
      const info = await truth.inspectCommit(request, options)
      if (!held.check || request.commit.repo.type !== 'meta') return info
      held.check = false
      checking.resolve()
      await checked.promise
      return info
    },
    async *walkFile(request, options) {
      if (held.listing) {
        held.listing = false
        listing.resolve()
        await listed.promise
      }
      yield* truth.walkFile(request, options)
    },
  }
  const [one, other] = [await startGateway({ pfs }), await startGateway({ pfs: truth })]
  const list = () => ask(one.port, 'GET', '/data?list-type=2')
  await ask(other.port, 'PUT', '/data/key', 'old', { 'x-amz-meta-a': 'old' })
  await list()
  held.listing = true
  const page = list()
  await listing.promise
  await truth.modifyFile({ repo: branch.repo, branch: branch.name }, [
    { addFile: { path: '/more', raw: Buffer.from('') } },
  ])
  held.check = true
  const head = ask(one.port, 'HEAD', '/data/more')
  await checking.promise
  const { etag } = (await ask(other.port, 'PUT', '/data/key', 'new', { 'x-amz-meta-a': 'new' })).headers
  listed.resolve()
  for (let turns = 0; turns < 100; turns += 1) await turn()
  checked.resolve()
  assert.is((await head).status, 200)
  assert.match((await page).text, String(etag).slice(1, -1))
  assert.is((await ask(one.port, 'HEAD', '/data/key')).headers['x-amz-meta-a'], 'new')
  for (const gateway of [one, other]) await gateway.close()
})

checks.run()
