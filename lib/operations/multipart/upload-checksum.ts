import {
  type ChecksumAlgorithm,
  checksumHeader,
  combineCrcs,
  createDigest,
  isCrc,
  parseChecksum,
  parseChecksumAlgorithm,
} from '../../checksums.js'
import { S3Error } from '../../errors.js'
import { type HttpRequest, header } from '../../http/request.js'
import type { ChecksumType, UploadChecksum } from '../../resolver/uploads/staging.js'

/** The checksum and the size of a part. */
export interface PartChecksum {
  readonly checksum: Buffer
  readonly size: number
}

/**
 * Parses `x-amz-checksum-algorithm` and `x-amz-checksum-type`. Without a type, CRC64NVME covers the full object and other
 * algorithms are composite. Undefined if both are missing. Throws InvalidRequest for values that S3 does not have.
 */
export function parseUploadChecksum(
  name: string | undefined,
  typeName: string | undefined,
): UploadChecksum | undefined {
  if (name === undefined) {
    if (typeName === undefined) return undefined
    throw invalid('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.')
  }
  const algorithm = parseChecksumAlgorithm(name)
  if (algorithm === undefined) {
    throw invalid('Checksum algorithm provided is unsupported. Please try again with any of the valid types.')
  }
  const type = typeName === undefined ? defaultType(algorithm) : parseChecksumType(typeName)
  if (type === 'FULL_OBJECT' ? !isCrc(algorithm) : algorithm === 'crc64nvme') {
    throw invalid(`The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`)
  }
  return { algorithm, type }
}

/** Parses a checksum type; throws InvalidRequest. */
function parseChecksumType(text: string): ChecksumType {
  const type = text.toUpperCase()
  if (type === 'COMPOSITE' || type === 'FULL_OBJECT') return type
  throw invalid('Value for x-amz-checksum-type header is invalid.')
}

function defaultType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === 'crc64nvme' ? 'FULL_OBJECT' : 'COMPOSITE'
}

/**
 * Computes the checksum of an object from its parts, in order. A composite checksum covers the checksums of the parts and
 * ends with their number; a full one covers the bytes of the object.
 */
export async function objectChecksum(
  { algorithm, type }: UploadChecksum,
  parts: readonly PartChecksum[],
): Promise<string> {
  if (type === 'FULL_OBJECT' && isCrc(algorithm)) {
    const crcs = parts.map(({ checksum, size }) => ({ crc: checksum, size }))
    return combineCrcs(algorithm, crcs).toString('base64')
  }
  const digest = await createDigest(algorithm)
  for (const { checksum } of parts) digest.update(checksum)
  return `${digest.digest().toString('base64')}-${parts.length}`
}

/**
 * Compares the headers of CompleteMultipartUpload with the object's checksum and size; throws BadDigest and
 * InvalidRequest. S3 accepts a composite checksum with or without the number of parts.
 */
export function requireObjectSums(
  request: HttpRequest,
  checksum: UploadChecksum | undefined,
  object: ObjectSums,
): void {
  const size = header(request, 'x-amz-mp-object-size')
  if (size !== undefined && size !== String(object.size)) {
    throw invalid(
      `The provided 'x-amz-mp-object-size' header value ${size} does not match what was computed: ${object.size}`,
    )
  }
  for (const [name, values] of request.headers) {
    const algorithm = parseChecksumAlgorithm(name.replace(/^x-amz-checksum-/, ''))
    if (algorithm === undefined || name !== checksumHeader(algorithm)) continue
    if (algorithm !== checksum?.algorithm) {
      throw invalid(`The upload was created ${createdWith(checksum)}. The complete request must use the same.`)
    }
    const given = values.join(',')
    if (given === object.checksum || given === object.checksum?.replace(/-\d+$/, '')) continue
    throw parseChecksum(algorithm, given.replace(/-\d+$/, '')) === undefined
      ? invalid(`Value for ${name} header is invalid.`)
      : new S3Error('BadDigest', {
          message: `The ${algorithm} you specified did not match the calculated checksum.`,
        })
  }
}

/** The values that CompleteMultipartUpload is compared with. */
export interface ObjectSums {
  readonly size: number
  readonly checksum: string | undefined
}

/** Throws InvalidRequest if the checksum type differs from that of CreateMultipartUpload. */
export function requireChecksumType(request: HttpRequest, checksum: UploadChecksum | undefined): void {
  const given = header(request, 'x-amz-checksum-type')
  if (given === undefined || parseChecksumType(given) === checksum?.type) return
  throw invalid(`The upload was created ${createdWith(checksum)}. The complete request must use the same.`)
}

function createdWith(checksum: UploadChecksum | undefined): string {
  return checksum === undefined ? 'without a checksum' : `using a ${checksum.type} ${checksum.algorithm} checksum`
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message })
}
