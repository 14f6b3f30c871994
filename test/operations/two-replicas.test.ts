import {
  CopyObjectCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectTaggingCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryPfs } from '../../lib/testing/index.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { head, listed, newBucket, put, read } from './versioned-bucket.js'

interface Context {
  readonly gateways: readonly Gateway[]
  readonly s3: S3Client
  readonly otherS3: S3Client
}

/** Each sees at once what the other one has answered: a client may talk to both in turn. */
const replicas = suite<Context>('two gateways in turn')

replicas.before.each(async (context) => {
  const pfs = createMemoryPfs()
  const gateways = [await startGateway({ pfs }), await startGateway({ pfs })]
  const [s3, otherS3] = gateways.map((gateway) => s3Client(gateway))
  Object.assign(context, { gateways, s3, otherS3 })
})

replicas.after.each(async ({ gateways, s3, otherS3 }) => {
  s3.destroy()
  otherS3.destroy()
  for (const gateway of gateways) await gateway.close()
})

/** An object with the given contents, as versions that both gateways have just read; returns their ids. */
async function versions({ gateways: [gateway], s3, otherS3 }: Context, Bucket: string, contents: readonly string[]) {
  await newBucket(s3, Bucket)
  const ids: string[] = []
  for (const content of contents) ids.push(await put(s3, Bucket, 'k', content))
  await gateway?.flush()
  for (const client of [s3, otherS3]) for (const id of ids) await read(client, Bucket, 'k', id)
  for (const client of [s3, otherS3]) await head(client, Bucket, 'k')
  return ids
}

const remove = (s3: S3Client, Bucket: string, VersionId = '') =>
  s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId }))

replicas('delete all versions of an object', async (context) => {
  const { s3, otherS3 } = context
  const Bucket = 'master.all'
  const [first, second, third] = await versions(context, Bucket, ['1', '2', '3'])
  await remove(s3, Bucket, third)
  await remove(otherS3, Bucket, second)
  assert.is(await read(s3, Bucket, 'k'), '1')
  await remove(s3, Bucket, first)
  for (const client of [s3, otherS3]) {
    assert.is(await refusal(read(client, Bucket, 'k')), '404 NoSuchKey')
    assert.equal((await listed(client, Bucket)).rows, [])
  }
  await otherS3.send(new DeleteBucketCommand({ Bucket }))
})

replicas('read no version that was deleted', async (context) => {
  const { s3, otherS3 } = context
  const Bucket = 'master.version'
  const [first, second] = await versions(context, Bucket, ['1', '2'])
  await remove(s3, Bucket, first)
  assert.is(await refusal(read(otherS3, Bucket, 'k', first)), '404 NoSuchVersion')
  assert.is(await read(otherS3, Bucket, 'k', second), '2')
})

replicas('read and copy the last tags', async (context) => {
  const { s3, otherS3 } = context
  const Bucket = 'master.tags'
  await versions(context, Bucket, ['1'])
  const tag = (client: S3Client, Value: string) =>
    client.send(new PutObjectTaggingCommand({ Bucket, Key: 'k', Tagging: { TagSet: [{ Key: 'a', Value }] } }))
  const tags = async (client: S3Client) =>
    (await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'k' }))).TagSet?.map((each) => each.Value)
  await tag(s3, '1')
  await otherS3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` }))
  const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'copy' }))
  assert.equal(TagSet, [{ Key: 'a', Value: '1' }])
  assert.equal(await tags(otherS3), ['1'])
  await tag(otherS3, '2')
  assert.equal(await tags(s3), ['2'])
})

replicas.run()
