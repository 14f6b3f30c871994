import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type ChecksumAlgorithm, CreateBucketCommand, ListPartsCommand, type S3Client } from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDigest, parseChecksumAlgorithm } from '../../../lib/checksums.js'
import { type Gateway, startGateway } from '../../support/gateway.js'
import { refusal } from '../../support/refusal.js'
import { s3Client } from '../../support/s3-client.js'
import { Bucket, begin, complete, partBytes, read, sendPart } from './uploads.js'

const checksums = suite<{ gateway: Gateway; s3: S3Client; plain: S3Client }>('checksums of uploads')

checksums.before(async (context) => {
  context.gateway = await startGateway()
  context.s3 = s3Client(context.gateway)
  context.plain = s3Client(context.gateway, undefined, { requestChecksumCalculation: 'WHEN_REQUIRED' })
  await context.s3.send(new CreateBucketCommand({ Bucket }))
})

checksums.after(async ({ gateway, s3, plain }) => {
  s3.destroy()
  plain.destroy()
  await gateway.close()
})

const first = Buffer.alloc(partBytes, 'first')
const last = Buffer.from('last')

async function digestOf(algorithm: ChecksumAlgorithm, ...pieces: Buffer[]): Promise<Buffer> {
  const name = parseChecksumAlgorithm(algorithm)
  if (name === undefined) throw new Error(`${algorithm} is no checksum of S3`)
  const digest = await createDigest(name)
  for (const piece of pieces) digest.update(piece)
  return digest.digest()
}

async function upload(s3: S3Client, Key: string, create: object, part: object = {}) {
  const begun = await begin(s3, Key, create)
  return { begun, parts: [await sendPart(s3, begun, 2, first, part), await sendPart(s3, begun, 9, last, part)] }
}

for (const algorithm of [
  'CRC32',
  'CRC32C',
  'SHA1',
  'SHA256',
  'SHA512',
  'MD5',
  'XXHASH64',
  'XXHASH3',
  'XXHASH128',
] as const) {
  checksums(`a composite ${algorithm} covers the checksums of the parts`, async ({ s3, plain }) => {
    const name = `Checksum${algorithm}` as const
    // Given as values: SDKs compute five of the algorithms only.
    const given = async (bytes: Buffer) => ({ [name]: (await digestOf(algorithm, bytes)).toString('base64') })
    const begun = await begin(plain, `composite ${algorithm}`, { ChecksumAlgorithm: algorithm })
    const parts = [
      await sendPart(plain, begun, 2, first, await given(first)),
      await sendPart(plain, begun, 9, last, await given(last)),
    ]
    const expected = await digestOf(algorithm, await digestOf(algorithm, first), await digestOf(algorithm, last))
    assert.is(parts[0]?.[name], (await digestOf(algorithm, first)).toString('base64'))
    assert.is(
      await refusal(complete(s3, begun, parts, { [name]: (await digestOf(algorithm, last)).toString('base64') })),
      '400 BadDigest',
    )
    const done = await complete(s3, begun, parts, { [name]: expected.toString('base64'), MpuObjectSize: partBytes + 4 })
    assert.is(done[name], `${expected.toString('base64')}-2`)
    assert.is(done.ChecksumType, 'COMPOSITE')
  })
}

for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
  checksums(`a full ${algorithm} covers the bytes, and is computed from the parts`, async ({ s3, plain }) => {
    const create = { ChecksumAlgorithm: algorithm, ChecksumType: 'FULL_OBJECT' }
    // Parts without a checksum: the gateway makes its own.
    const { begun, parts } = await upload(plain, `full ${algorithm}`, create)
    const name = `Checksum${algorithm}` as const
    const expected = (await digestOf(algorithm, first, last)).toString('base64')
    assert.is(parts[0]?.[name], (await digestOf(algorithm, first)).toString('base64'))
    const ChecksumSHA256 = (await digestOf('SHA256', first)).toString('base64')
    const [one, ...others] = parts
    const { [name]: _, ...bare } = one ?? {}
    assert.is(await refusal(complete(s3, begun, [{ ...bare, ChecksumSHA256 }, ...others])), '400 BadDigest')
    assert.is(await refusal(complete(s3, begun, [{ ...one, ChecksumSHA256 }, ...others])), '400 InvalidArgument')
    const wrong = (await digestOf(algorithm, last)).toString('base64')
    assert.is(await refusal(complete(s3, begun, parts, { [name]: wrong })), '400 BadDigest')
    const done = await complete(s3, begun, parts, { [name]: expected, ChecksumType: 'FULL_OBJECT' })
    assert.is(done[name], expected)
    assert.is(done.ChecksumType, 'FULL_OBJECT')
  })
}

checksums('unknown algorithms and types are refused when the upload is created', async ({ s3 }) => {
  const refused = (create: object) => refusal(begin(s3, 'x', create))
  assert.is(await refused({ ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' }), '400 InvalidRequest')
  assert.is(await refused({ ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' }), '400 InvalidRequest')
  assert.is(await refused({ ChecksumAlgorithm: 'CRC7' }), '400 InvalidRequest')
  assert.is(await refused({ ChecksumAlgorithm: 'CRC32', ChecksumType: 'HALF' }), '400 InvalidRequest')
})

checksums('a part needs the checksum of its upload', async ({ s3, plain }) => {
  const composite = await begin(plain, 'mismatch', { ChecksumAlgorithm: 'SHA256' })
  assert.is(await refusal(sendPart(plain, composite, 1, 'x')), '400 InvalidRequest')
  assert.is(await refusal(sendPart(s3, composite, 1, 'x', { ChecksumAlgorithm: 'CRC32' })), '400 InvalidRequest')
  const wrong = createHash('sha256').update('y').digest('base64')
  assert.is(await refusal(sendPart(plain, composite, 1, 'x', { ChecksumSHA256: wrong })), '400 BadDigest')
  const { Parts } = await s3.send(new ListPartsCommand(composite))
  assert.is(Parts, undefined)
})

checksums('completion needs the correct checksum of each part', async ({ s3 }) => {
  const begun = await begin(s3, 'parts', { ChecksumAlgorithm: 'CRC32' })
  const part = await sendPart(s3, begun, 1, 'x')
  const { ChecksumCRC32, ...without } = part
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32('x'))
  assert.is(ChecksumCRC32, crc.toString('base64'))
  assert.is(await refusal(complete(s3, begun, [without])), '400 InvalidRequest')
  assert.is(await refusal(complete(s3, begun, [{ ...part, ChecksumCRC32: 'AAAAAA==' }])), '400 InvalidPart')
  assert.is(await refusal(complete(s3, begun, [part], { ChecksumSHA1: 'AAAA' })), '400 InvalidRequest')
  assert.is(await refusal(complete(s3, begun, [part], { ChecksumType: 'FULL_OBJECT' })), '400 InvalidRequest')
  assert.is(await refusal(complete(s3, begun, [part], { MpuObjectSize: 2 })), '400 InvalidRequest')
  await complete(s3, begun, [part], { MpuObjectSize: 1 })
  assert.is((await read(s3, 'parts')).toString(), 'x')
})

checksums('an upload without a checksum keeps none', async ({ plain }) => {
  const begun = await begin(plain, 'plain')
  const part = await sendPart(plain, begun, 1, 'x')
  const listed = await plain.send(new ListPartsCommand(begun))
  assert.is(listed.ChecksumAlgorithm, undefined)
  assert.is(await refusal(complete(plain, begun, [part], { ChecksumCRC32: 'AAAAAA==' })), '400 InvalidRequest')
  const done = await complete(plain, begun, [part])
  assert.is(done.ChecksumType, undefined)
})

checksums.run()
