import {
  CreateBucketCommand,
  DeleteObjectCommand,
  type DeleteObjectCommandInput,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { openPfs, type TestPfs, wires } from '../support/test-pfs.js'

const Bucket = 'master.conditions'

/** Two gateways, as two processes would be, over one PFS. */
interface Context {
  readonly opened: TestPfs
  readonly gateways: readonly Gateway[]
  readonly s3: S3Client
  readonly other: S3Client
}

for (const overWire of wires) {
  const conditions = suite<Context>(`conditions of writes ${overWire ? 'over the wire' : 'in memory'}`)

  conditions.before(async (context) => {
    const opened = await openPfs()
    const [one, two] = await Promise.all([startGateway({ opened, overWire }), startGateway({ opened, overWire })])
    Object.assign(context, { opened, gateways: [one, two], s3: s3Client(one), other: s3Client(two) })
    await context.s3.send(new CreateBucketCommand({ Bucket }))
  })

  conditions.after(async ({ opened, gateways, s3, other }) => {
    s3.destroy()
    other.destroy()
    await Promise.all(gateways.map((gateway) => gateway.close()))
    await opened.close()
  })

  const put = (s3: S3Client, Key: string, Body: string | Uint8Array, more: Partial<PutObjectCommandInput> = {}) =>
    s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))

  const remove = (s3: S3Client, Key: string, more: Partial<DeleteObjectCommandInput> = {}) =>
    refusal(s3.send(new DeleteObjectCommand({ Bucket, Key, ...more })))

  async function read(s3: S3Client, Key: string): Promise<string | undefined> {
    return (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString()
  }

  const counted = (outcomes: readonly string[]) =>
    [...new Set(outcomes)].sort().map((each) => `${outcomes.filter((outcome) => outcome === each).length} × ${each}`)

  conditions('one of 50 concurrent creators wins, and its bytes are stored', async ({ s3 }) => {
    const bodies = Array.from({ length: 50 }, (_, index) => `creator ${index}`)
    const outcomes = await Promise.all(bodies.map((body) => refusal(put(s3, 'created', body, { IfNoneMatch: '*' }))))
    assert.equal(counted(outcomes), ['49 × 412 PreconditionFailed', '1 × none'])
    assert.is(await read(s3, 'created'), bodies[outcomes.indexOf('none')])
  })

  conditions('one creator wins among large and small bodies', async ({ s3 }) => {
    const bodies = Array.from({ length: 6 }, (_, index) => Buffer.alloc(index % 2 === 0 ? 10 : 2_000_000, `${index}`))
    const outcomes = await Promise.all(bodies.map((body) => refusal(put(s3, 'mixed', body, { IfNoneMatch: '*' }))))
    assert.equal(counted(outcomes), ['5 × 412 PreconditionFailed', '1 × none'])
    assert.is(await read(s3, 'mixed'), bodies[outcomes.indexOf('none')]?.toString())
  })

  conditions('no conditional update is lost', async ({ s3 }) => {
    await put(s3, 'counter', '0')
    async function increment(): Promise<void> {
      const { ETag: IfMatch, Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'counter' }))
      const next = String(Number(await Body?.transformToString()) + 1)
      const outcome = await refusal(put(s3, 'counter', next, { IfMatch }))
      if (outcome === '412 PreconditionFailed') return increment()
      assert.is(outcome, 'none')
    }
    await Promise.all(Array.from({ length: 12 }, increment))
    assert.is(await read(s3, 'counter'), '12')
  })

  conditions('If-Match on a missing key is NoSuchKey', async ({ s3 }) => {
    assert.is(await refusal(put(s3, 'none', 'x', { IfMatch: '"0"' })), '404 NoSuchKey')
    assert.is(await remove(s3, 'none', { IfMatch: '"0"' }), '404 NoSuchKey')
    assert.is(await remove(s3, 'none', { IfMatch: '*' }), '404 NoSuchKey')
    assert.is(await remove(s3, 'none', { IfMatchSize: 1 }), 'none')
  })

  conditions("two gateways see each other's writes if these follow each other", async ({ s3, other }) => {
    const { ETag } = await put(s3, 'shared', 'one')
    assert.is(await refusal(put(other, 'shared', 'two', { IfNoneMatch: '*' })), '412 PreconditionFailed')
    assert.is(await refusal(put(other, 'shared', 'two', { IfMatch: ETag })), 'none')
    assert.is(await refusal(put(s3, 'shared', 'three', { IfMatch: ETag })), '412 PreconditionFailed')
    assert.is(await read(s3, 'shared'), 'two')
    assert.is(await remove(s3, 'shared', { IfMatch: ETag }), '412 PreconditionFailed')
  })

  conditions(
    'two gateways that write concurrently leave one complete body, and each writer gets a response',
    async (context) => {
      const { s3, other } = context
      const bodies = Array.from({ length: 10 }, (_, index) => `writer ${index}`)
      const outcomes = await Promise.all(
        bodies.map((body, index) => refusal(put(index % 2 === 0 ? s3 : other, 'raced', body, { IfNoneMatch: '*' }))),
      )
      // PFS has no conditions: another gateway can commit between check and commit. Within each gateway, one writer wins.
      const winners = [0, 1].map((gateway) => outcomes.filter((each, i) => i % 2 === gateway && each === 'none').length)
      assert.ok(winners.every((count) => count <= 1) && winners.some((count) => count === 1), String(winners))
      assert.ok(outcomes.every((outcome) => outcome === 'none' || outcome === '412 PreconditionFailed'))
      const content = await read(s3, 'raced')
      assert.ok(bodies.some((body, index) => body === content && outcomes[index] === 'none'))
    },
  )

  conditions('an object is deleted only if it meets the conditions', async ({ s3 }) => {
    const { ETag } = await put(s3, 'expected', 'hello')
    const { LastModified: time } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'expected' }))
    assert.ok(time !== undefined)
    assert.is(await remove(s3, 'expected', { IfMatch: '"0"' }), '412 PreconditionFailed')
    assert.is(await remove(s3, 'expected', { IfMatchSize: 4 }), '412 PreconditionFailed')
    const earlier = new Date(time.getTime() - 1000)
    assert.is(await remove(s3, 'expected', { IfMatchLastModifiedTime: earlier }), '412 PreconditionFailed')
    const almost = { IfMatch: ETag, IfMatchSize: 5, IfMatchLastModifiedTime: earlier }
    assert.is(await remove(s3, 'expected', almost), '412 PreconditionFailed')
    assert.is(await read(s3, 'expected'), 'hello')
    assert.is(await remove(s3, 'expected', { IfMatch: ETag, IfMatchSize: 5, IfMatchLastModifiedTime: time }), 'none')
    assert.is(await refusal(read(s3, 'expected')), '404 NoSuchKey')
  })

  conditions('each key of a multi-object delete has separate conditions', async ({ s3 }) => {
    const { ETag } = await put(s3, 'each/1', 'one')
    await Promise.all(['each/2', 'each/3', 'each/4'].map((key) => put(s3, key, 'more')))
    const Objects = [
      { Key: 'each/1', ETag },
      { Key: 'each/2', ETag },
      { Key: 'each/3', Size: 5 },
      { Key: 'each/3', Size: 4 },
      { Key: 'each/4', LastModifiedTime: new Date(0) },
      { Key: 'each/none', ETag },
    ]
    const result = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    assert.equal(
      result.Deleted?.map(({ Key }) => Key),
      ['each/1', 'each/3'],
    )
    assert.equal(
      result.Errors?.map(({ Key, Code }) => `${Key} ${Code}`),
      ['each/2 PreconditionFailed', 'each/3 PreconditionFailed', 'each/4 PreconditionFailed', 'each/none NoSuchKey'],
    )
    assert.is(await read(s3, 'each/2'), 'more')
    assert.is(await read(s3, 'each/4'), 'more')
    assert.is(await refusal(read(s3, 'each/3')), '404 NoSuchKey')
  })

  conditions('one of 20 concurrent conditional deletes succeeds', async ({ s3 }) => {
    const { ETag } = await put(s3, 'once', 'x')
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => remove(s3, 'once', { IfMatch: ETag })))
    assert.equal(counted(outcomes), ['19 × 404 NoSuchKey', '1 × none'])
  })

  conditions.run()
}
