import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ChecksumAlgorithm, createDigest, parseChecksum, parseChecksumAlgorithm } from '../../lib/checksums.js'

const test = suite('checksums')

async function digestOf(algorithm: ChecksumAlgorithm, ...pieces: readonly (string | Uint8Array)[]): Promise<Buffer> {
  const digest = await createDigest(algorithm)
  for (const piece of pieces) digest.update(Buffer.from(piece))
  return digest.digest()
}

/**
 * Checksums of the nine digits, from the catalogues of CRCs and the tools of RFC 1321, 3174 and 6234; XXHash from the AWS
 * Common Runtime (awscrt for Python), which SDKs use.
 */
const checks: Record<ChecksumAlgorithm, string> = {
  crc32: 'cbf43926',
  crc32c: 'e3069283',
  crc64nvme: 'ae8b14860a799888',
  md5: '25f9e794323b453885f5181f1b624d0b',
  sha1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
  sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
  sha512:
    'd9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274ad27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85',
  xxhash64: '8cb841db40e6ae83',
  xxhash3: '72dcb18b67a17dff',
  xxhash128: '33119477ede5dcd5e9716427681d5860',
}

for (const [algorithm, check] of Object.entries(checks) as [ChecksumAlgorithm, string][]) {
  test(`${algorithm} of the check string, at once and in pieces`, async () => {
    assert.is((await digestOf(algorithm, '123456789')).toString('hex'), check)
    assert.is((await digestOf(algorithm, '1234', '', '5678', '9')).toString('hex'), check)
  })

  test(`${algorithm}: two digests at the same time are independent`, async () => {
    const [one, other] = await Promise.all([createDigest(algorithm), createDigest(algorithm)])
    one.update(Buffer.from('1234'))
    other.update(Buffer.from('something else'))
    one.update(Buffer.from('56789'))
    assert.is(one.digest().toString('hex'), check)
  })
}

/** Bit by bit, by the definition of a reflected CRC. */
function slowCrc(bytes: Uint8Array, width: bigint, polynomial: bigint): bigint {
  const ones = (1n << width) - 1n
  let crc = ones
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n
  }
  return crc ^ ones
}

for (const [algorithm, width, polynomial] of [
  ['crc32', 32n, 0xedb88320n],
  ['crc32c', 32n, 0x82f63b78n],
  ['crc64nvme', 64n, 0x9a6c9329ac4bc9b5n],
] as const) {
  test(`property: ${algorithm} matches its definition`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 50 }), async (one, two) => {
        const digest = await digestOf(algorithm, one, two)
        const slow = slowCrc(Buffer.concat([one, two]), width, polynomial)
        assert.is(digest.toString('hex'), slow.toString(16).padStart(Number(width) / 4, '0'))
      }),
      { numRuns: 100 },
    )
  })
}

test('values are canonical base64 of the right length', () => {
  assert.equal(parseChecksum('crc32', '/6tyOg=='), Buffer.from('ffab723a', 'hex'))
  for (const text of ['', '/6tyOg', '/6tyOg=', '/6tyOh==', ' /6tyOg==', '_6tyOg==', '/6tyOgAA', 'ffab723a']) {
    assert.is(parseChecksum('crc32', text), undefined, text)
  }
})

test('algorithms by name', () => {
  assert.equal(['CRC64NVME', 'sha256', 'Crc32C'].map(parseChecksumAlgorithm), ['crc64nvme', 'sha256', 'crc32c'])
  assert.equal(['md4', '', 'constructor', '__proto__'].map(parseChecksumAlgorithm), Array(4).fill(undefined))
})

test.run()
