import {
  CreateBucketCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PfsError } from '../../lib/index.js'
import { createMemoryPfs, type PachydermApi } from '../../lib/testing/index.js'
import { turn } from '../faults/support/rig.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { s3Client } from '../support/s3-client.js'

const Bucket = 'master.behind'
const object = { Bucket, Key: 'k' }

/** Turns of the event loop in which every call that does not wait for the write-behind has been made. */
const quietTurns = 100

interface Context {
  readonly truth: PachydermApi
  readonly errors: unknown[]
  readonly gateway: Gateway
  readonly s3: S3Client
  /** Holds the next commit of records up; it fails when it is released. */
  holdRecords(): { readonly begun: Promise<void>; fail(): void }
  /** Refuses commits of records until the returned function is called. */
  refuseRecords(): () => void
  /** Settles when nothing has called PFS for many turns of the event loop, after the next call. */
  quiet(): Promise<void>
}

for (const objectRecords of ['all', 'needed'] as const) {
  const behind = suite<Context>(`write-behind that fails, records of ${objectRecords} writes`)

  behind.before.each(async (context) => {
    const truth = createMemoryPfs()
    let held: { begin(): void; readonly failure: Promise<void> } | undefined
    let isRefused = false
    let calls = 0
    const failing: PachydermApi = {
      ...truth,
      modifyFile: async (commit, operations, options) => {
        if (isRefused && commit.repo.type === 'meta') throw new PfsError('PERMISSION_DENIED', 'refused')
        const hold = commit.repo.type === 'meta' ? held : undefined
        if (hold === undefined) return truth.modifyFile(commit, operations, options)
        held = undefined
        hold.begin()
        await hold.failure
        throw new PfsError('UNAVAILABLE', 'connection lost')
      },
    }
    const counted = new Proxy(failing, {
      get: (pfs, name: keyof PachydermApi) => {
        calls += 1
        return pfs[name]
      },
    })
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const gateway = await startGateway({ pfs: counted, options: { objectRecords, onError } })
    const s3 = s3Client(gateway)
    await s3.send(new CreateBucketCommand({ Bucket }))
    Object.assign(context, {
      truth,
      errors,
      gateway,
      s3,
      holdRecords() {
        const [begun, failure] = [deferred(), deferred()]
        held = { begin: begun.resolve, failure: failure.promise }
        return { begun: begun.promise, fail: failure.resolve }
      },
      refuseRecords() {
        isRefused = true
        return () => {
          isRefused = false
        }
      },
      async quiet() {
        const before = calls
        while (calls === before) await turn()
        for (let [turns, seen] = [0, calls]; turns < quietTurns; turns += 1) {
          await turn()
          if (calls !== seen) [turns, seen] = [0, calls]
        }
      },
    })
  })

  behind.after.each(async ({ s3, gateway }) => {
    s3.destroy()
    await gateway.close()
  })

  const put = (s3: S3Client, more: Partial<PutObjectCommandInput> = {}) =>
    s3.send(new PutObjectCommand({ ...object, Body: 'same bytes', ...more }))

  /** Makes a change while the record of a plain write of the same bytes is being written, which then fails. */
  async function change({ s3, gateway, holdRecords, quiet, errors }: Context, work: () => Promise<unknown>) {
    await put(s3, { Metadata: { version: '1' } })
    await gateway.flush()
    const { begun, fail } = holdRecords()
    await put(s3)
    const flushed = gateway.flush()
    await begun
    const changed = work()
    await quiet()
    fail()
    await flushed
    await changed
    assert.is(errors.length, 1, 'the write-behind has failed')
  }

  /** Checks this gateway, and another one after the write-behind has been repeated. */
  async function holds({ truth, s3, gateway }: Context, check: (s3: S3Client) => Promise<void>) {
    await check(s3)
    await gateway.flush()
    const other = await startGateway({ pfs: truth, options: { objectRecords } })
    const otherS3 = s3Client(other)
    try {
      await check(s3)
      await check(otherS3)
    } finally {
      otherS3.destroy()
      await other.close()
    }
  }

  behind('does not undo the metadata and tags of a later write', async (context) => {
    const attributes = { Metadata: { version: '2' }, CacheControl: 'no-store' }
    await change(context, () => put(context.s3, { ...attributes, Tagging: 'a=b' }))
    await holds(context, async (s3) => {
      const { Metadata, CacheControl } = await s3.send(new HeadObjectCommand(object))
      assert.equal({ Metadata, CacheControl }, attributes)
      const { TagSet } = await s3.send(new GetObjectTaggingCommand(object))
      assert.equal(TagSet, [{ Key: 'a', Value: 'b' }])
    })
  })

  behind('does not undo later tags', async (context) => {
    const Tagging = { TagSet: [{ Key: 'a', Value: 'b' }] }
    await change(context, () => context.s3.send(new PutObjectTaggingCommand({ ...object, Tagging })))
    await holds(context, async (s3) => {
      const { TagSet } = await s3.send(new GetObjectTaggingCommand(object))
      assert.equal(TagSet, Tagging.TagSet)
      assert.equal((await s3.send(new HeadObjectCommand(object))).Metadata, {})
    })
  })

  behind('applies pending records to reads while another write includes them', async (context) => {
    const { s3, gateway, holdRecords } = context
    const { ETag } = await put(s3)
    const { begun, fail } = holdRecords()
    const Tagging = { TagSet: [{ Key: 'a', Value: 'b' }] }
    const tagged = s3.send(new PutObjectTaggingCommand({ ...object, Tagging })).catch(() => undefined)
    await begun
    assert.is((await s3.send(new HeadObjectCommand(object))).ETag, ETag)
    fail()
    await tagged
    await gateway.flush()
    await holds(context, async (s3) => assert.is((await s3.send(new HeadObjectCommand(object))).ETag, ETag))
  })

  behind('keeps pending records if a write that includes them fails', async (context) => {
    const { s3, gateway, refuseRecords } = context
    await put(s3, { Metadata: { version: '1' } })
    await gateway.flush()
    await put(s3)
    const accept = refuseRecords()
    const refused = await put(s3, { Metadata: { version: '2' } }).catch((error: Error) => error)
    assert.ok(refused instanceof Error)
    accept()
    await holds(context, async (s3) => assert.equal((await s3.send(new HeadObjectCommand(object))).Metadata, {}))
  })

  behind.run()
}
