import { type ChecksumAlgorithm, combineCrcs, createDigest, isCrc, parseChecksumAlgorithm } from '../checksums.js'
import type { NewContent } from '../commits/change.js'
import { S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import { readFile } from '../pfs/path.js'
import type { Description, RecordedChecksum } from '../records/record.js'
import type { StoredObject } from '../resolver/object.js'
import type { ObjectCall } from './call.js'

/** The requested algorithm of the checksum of a copy; undefined for that of its source. Throws InvalidRequest. */
export function parseCopyAlgorithm(request: HttpRequest): ChecksumAlgorithm | undefined {
  const name = header(request, 'x-amz-checksum-algorithm')
  if (name === undefined) return undefined
  const algorithm = parseChecksumAlgorithm(name)
  if (algorithm !== undefined) return algorithm
  throw new S3Error('InvalidRequest', {
    message: 'Checksum algorithm provided is unsupported. Please try again with any of the valid types.',
  })
}

/**
 * The checksum of a copy covers the full object, as S3 has it. The content is read only for another algorithm than that
 * of the source, and for a composite checksum other than a CRC, only if the client asks for its algorithm.
 */
export async function checksumOfCopy(
  { gateway, options }: ObjectCall,
  { info, description }: StoredObject,
  { algorithm, content }: { algorithm: ChecksumAlgorithm | undefined; content: NewContent },
): Promise<RecordedChecksum | undefined> {
  const known = fullChecksum(description)
  const isKept = algorithm === undefined || (known?.type === 'FULL_OBJECT' && known.algorithm === algorithm)
  if (isKept) return known
  const digest = await createDigest(algorithm)
  // The copy itself, if it is staged: the file of an open commit may change.
  const file = 'copyOf' in content ? content.copyOf : info.file
  if (info.sizeBytes > 0) for await (const bytes of readFile(gateway.pfs, file, {}, options)) digest.update(bytes)
  return { algorithm, type: 'FULL_OBJECT', value: digest.digest().toString('base64') }
}

/** Combines the CRCs of parts into that of the object; returns any other checksum unchanged. */
function fullChecksum({ checksum, parts }: Description): RecordedChecksum | undefined {
  const algorithm = checksum && parseChecksumAlgorithm(checksum.algorithm)
  if (checksum?.type !== 'COMPOSITE' || algorithm === undefined || !isCrc(algorithm)) return checksum
  const crcs = parts.flatMap(({ checksum: crc, size }) => (crc ? [{ crc: Buffer.from(crc, 'base64'), size }] : []))
  if (crcs.length === 0 || crcs.length < parts.length) return checksum
  return { algorithm, type: 'FULL_OBJECT', value: combineCrcs(algorithm, crcs).toString('base64') }
}
