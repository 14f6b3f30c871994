import { createHash } from 'node:crypto'
import {
  type ChecksumAlgorithm,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDigest } from '../../lib/checksums.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { refusal } from '../support/refusal.js'
import { s3Client } from '../support/s3-client.js'
import { Bucket, begin, complete, partBytes, sendPart } from './multipart/uploads.js'

const copies = suite<{ gateway: Gateway; s3: S3Client }>('checksums of copies')

copies.before(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

copies.after(async ({ gateway, s3 }) => {
  s3.destroy()
  await gateway.close()
})

const copy = (s3: S3Client, from: string, more: Partial<CopyObjectCommandInput> = {}) =>
  s3.send(new CopyObjectCommand({ Bucket, Key: `${from}-copy`, CopySource: `${Bucket}/${from}`, ...more }))
const head = (s3: S3Client, Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
const sha256 = (...pieces: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('base64')
}

copies('a copy keeps the checksum of its source, or has the requested one', async ({ s3 }) => {
  const Body = Buffer.from('to be copied')
  await s3.send(new PutObjectCommand({ Bucket, Key: 'one', Body, ChecksumAlgorithm: 'CRC32' }))
  const { ChecksumCRC32: sum } = await head(s3, 'one')
  const kept = await copy(s3, 'one')
  assert.equal([kept.CopyObjectResult?.ChecksumCRC32, kept.CopyObjectResult?.ChecksumType], [sum, 'FULL_OBJECT'])
  const asked = await copy(s3, 'one', { ChecksumAlgorithm: 'SHA256' })
  assert.is(asked.CopyObjectResult?.ChecksumSHA256, sha256(Body))
  const { ChecksumCRC32, ChecksumSHA256, ChecksumType } = await head(s3, 'one-copy')
  assert.equal([ChecksumCRC32, ChecksumSHA256, ChecksumType], [undefined, sha256(Body), 'FULL_OBJECT'])
  assert.is(await refusal(copy(s3, 'one', { ChecksumAlgorithm: 'CRC7' as ChecksumAlgorithm })), '400 InvalidRequest')
})

copies('an object may be copied onto itself to change its checksum', async ({ s3 }) => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'self', Body: 'x', ChecksumAlgorithm: 'CRC32' }))
  assert.is(await refusal(copy(s3, 'self', { Key: 'self' })), '400 InvalidRequest')
  await copy(s3, 'self', { Key: 'self', ChecksumAlgorithm: 'SHA256' })
  assert.is((await head(s3, 'self')).ChecksumSHA256, sha256(Buffer.from('x')))
})

copies('a copy of an upload has a checksum of the full object', async ({ s3 }) => {
  const pieces = [Buffer.alloc(partBytes, 'first'), Buffer.from('last')]
  for (const algorithm of ['CRC32C', 'SHA256'] as const) {
    const name = `Checksum${algorithm}` as const
    const begun = await begin(s3, algorithm, { ChecksumAlgorithm: algorithm })
    const parts = []
    for (const [index, piece] of pieces.entries()) {
      parts.push(await sendPart(s3, begun, index + 1, piece, { ChecksumAlgorithm: algorithm }))
    }
    await complete(s3, begun, parts)
    // CRCs are combined; another checksum is computed only if the client asks for it.
    await copy(s3, algorithm, algorithm === 'SHA256' ? { ChecksumAlgorithm: algorithm } : {})
    const digest = await createDigest(algorithm.toLowerCase() as 'crc32c' | 'sha256')
    for (const piece of pieces) digest.update(piece)
    const copied = await head(s3, `${algorithm}-copy`)
    assert.equal([copied[name], copied.ChecksumType], [digest.digest().toString('base64'), 'FULL_OBJECT'])
  }
})

copies.run()
