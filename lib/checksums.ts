import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { createCRC32, createCRC64, createXXHash3, createXXHash64, createXXHash128 } from 'hash-wasm'

/** S3's checksum algorithms in the spelling of their headers, with the length of a value in bytes. */
const lengths = {
  crc32: 4,
  crc32c: 4,
  crc64nvme: 8,
  md5: 16,
  sha1: 20,
  sha256: 32,
  sha512: 64,
  xxhash64: 8,
  xxhash3: 8,
  xxhash128: 16,
} as const

/** In the spelling of its headers. */
export type ChecksumAlgorithm = keyof typeof lengths

/** Every supported checksum algorithm. */
export const checksumAlgorithms = Object.keys(lengths) as readonly ChecksumAlgorithm[]

/** An incremental digest. */
export interface Digest {
  update(bytes: Uint8Array): void
  /** The digest, big-endian as S3 writes it; call it once, at the end. */
  digest(): Buffer
}

/** The algorithm of a name in any case, such as `CRC64NVME`; undefined if S3 has no such algorithm. */
export function parseChecksumAlgorithm(name: string): ChecksumAlgorithm | undefined {
  const lower = name.toLowerCase()
  return Object.hasOwn(lengths, lower) ? (lower as ChecksumAlgorithm) : undefined
}

/** The name of the header or trailer of a checksum. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm}`
}

/** The length of a checksum in bytes. */
export function checksumLength(algorithm: ChecksumAlgorithm): number {
  return lengths[algorithm]
}

/** Parses a base64 checksum; undefined if it is not a value of the algorithm. */
export function parseChecksum(algorithm: ChecksumAlgorithm, text: string): Buffer | undefined {
  return parseBase64(text, lengths[algorithm])
}

/** Parses canonical base64 of exactly `length` bytes; undefined otherwise. */
export function parseBase64(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length && bytes.toString('base64') === text ? bytes : undefined
}

/** Starts a digest; asynchronous because some algorithms are WebAssembly that must be instantiated. */
export async function createDigest(algorithm: ChecksumAlgorithm): Promise<Digest> {
  switch (algorithm) {
    case 'crc32':
      return createZlibCrc32()
    // Reversed polynomials: Castagnoli's, and the one of NVMe.
    case 'crc32c':
      return fromHasher(await createCRC32(0x82f63b78))
    case 'crc64nvme':
      return fromHasher(await createCRC64('9a6c9329ac4bc9b5'))
    // S3 uses seed 0 and writes these three big-endian, as the AWS CRT does.
    case 'xxhash64':
      return fromHasher(await createXXHash64())
    case 'xxhash3':
      return fromHasher(await createXXHash3())
    case 'xxhash128':
      return fromHasher(await createXXHash128())
    default:
      return createHash(algorithm)
  }
}

function createZlibCrc32(): Digest {
  let value = 0
  return {
    update: (bytes) => {
      value = crc32(bytes, value)
    },
    digest: () => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      return bytes
    },
  }
}

function fromHasher(hasher: Awaited<ReturnType<typeof createCRC32>>): Digest {
  hasher.init()
  return {
    update: (bytes) => {
      hasher.update(bytes)
    },
    digest: () => Buffer.from(hasher.digest('binary')),
  }
}

/** The name of the XML element of a checksum, such as ChecksumCRC32. */
export function checksumElement(algorithm: string): string {
  return `Checksum${algorithm.toUpperCase()}`
}

/** The XML elements with the checksum of an object; none without a checksum. */
export function checksumValue(
  checksum: { readonly algorithm: string; readonly type: string } | undefined,
  value: string | undefined,
): Readonly<Record<string, string | undefined>> {
  return checksum === undefined ? {} : { [checksumElement(checksum.algorithm)]: value, ChecksumType: checksum.type }
}

/** The XML elements that name the checksum of an object or an upload in a listing; none without a checksum. */
export function checksumElements(
  checksum: { readonly algorithm: string; readonly type: string } | undefined,
): Readonly<Record<string, string>> {
  if (checksum === undefined) return {}
  return { ChecksumAlgorithm: checksum.algorithm.toUpperCase(), ChecksumType: checksum.type }
}

/** Checksums that are CRCs: the CRC of an object can be computed from the CRCs of its parts. */
type CrcAlgorithm = Extract<ChecksumAlgorithm, 'crc32' | 'crc32c' | 'crc64nvme'>

/** Bits of a value, and the polynomial with the lowest power in the highest bit. */
const polynomials: Readonly<Record<CrcAlgorithm, readonly [bits: number, reversed: bigint]>> = {
  crc32: [32, 0xedb88320n],
  crc32c: [32, 0x82f63b78n],
  crc64nvme: [64, 0x9a6c9329ac4bc9b5n],
}

/** The CRC (big-endian) and the length in bytes of one part. */
interface CrcPart {
  readonly crc: Buffer
  readonly size: number
}

/** Whether a checksum is a CRC. */
export function isCrc(algorithm: ChecksumAlgorithm): algorithm is CrcAlgorithm {
  return algorithm in polynomials
}

/**
 * Computes the CRC of consecutive parts. A CRC is the remainder of a polynomial, so `size` bytes behind a part multiply
 * its CRC by x to the power of 8 × `size`; the constants that S3's three CRCs add before and after cancel out.
 */
export function combineCrcs(algorithm: CrcAlgorithm, parts: readonly CrcPart[]): Buffer {
  const [bits, polynomial] = polynomials[algorithm]
  const shifts = new Map<number, bigint>()
  let whole = 0n
  for (const { crc, size } of parts) {
    let shift = shifts.get(size)
    if (shift === undefined) {
      shift = powerOfX(BigInt(size) * 8n, bits, polynomial)
      shifts.set(size, shift)
    }
    whole = multiply(whole, shift, bits, polynomial) ^ BigInt(`0x${crc.toString('hex')}`)
  }
  return Buffer.from(whole.toString(16).padStart(bits / 4, '0'), 'hex')
}

function powerOfX(exponent: bigint, bits: number, polynomial: bigint): bigint {
  let result = 1n << BigInt(bits - 1)
  let square = result >> 1n
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square, bits, polynomial)
    square = multiply(square, square, bits, polynomial)
  }
  return result
}

/** The product of two polynomials modulo a third; the highest bit is the lowest power. */
function multiply(a: bigint, b: bigint, bits: number, polynomial: bigint): bigint {
  let product = 0n
  let shifted = b
  for (let bit = 1n << BigInt(bits - 1); bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted
    shifted = (shifted & 1n) === 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n
  }
  return product
}
