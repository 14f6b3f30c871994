import type { ChecksumAlgorithm } from './checksums.js'

/** The checksums that are CRCs: those of a whole can be told from those of its parts. */
export type CrcAlgorithm = Extract<ChecksumAlgorithm, 'crc32' | 'crc32c' | 'crc64nvme'>

/** Bits of a value, and the polynomial with the lowest power in the highest bit. */
const polynomials: Readonly<Record<CrcAlgorithm, readonly [bits: number, reversed: bigint]>> = {
  crc32: [32, 0xedb88320n],
  crc32c: [32, 0x82f63b78n],
  crc64nvme: [64, 0x9a6c9329ac4bc9b5n],
}

/** The CRC, big-endian, and the length in bytes of one stretch. */
export interface CrcPart {
  readonly crc: Buffer
  readonly size: number
}

/** Whether a checksum is a CRC. */
export function isCrc(algorithm: ChecksumAlgorithm): algorithm is CrcAlgorithm {
  return algorithm in polynomials
}

/**
 * The CRC of all stretches one after the other. A CRC is the remainder of a polynomial, so `size` bytes behind a stretch
 * multiply its CRC by x to the power of 8 × `size`; what S3's three CRCs add before and after cancels out.
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
