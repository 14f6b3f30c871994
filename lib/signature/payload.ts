import { parseChecksumAlgorithm } from '../checksums/checksums.js'
import { invalidArgument, S3Error } from '../errors.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import { type Expectation, expectedPayloadHash, readExpectations } from './expectations.js'
import { type Framing, readFraming, streamingPayloads } from './framing.js'
import { readLength } from './length.js'

/** What the head of a request says of its body. */
export interface Payload {
  /** Bytes on the wire; undefined where the client did not say. */
  readonly wireLength?: number | undefined
  readonly framing?: Framing | undefined
  readonly expectations: readonly Expectation[]
}

/** `x-amz-content-sha256` of the header, or of the query of a presigned URL; two that differ are refused. */
export function declaredPayloadHash(request: HttpRequest): string | undefined {
  const inHeader = header(request, 'x-amz-content-sha256')
  const inQuery = queryValue(request, 'X-Amz-Content-Sha256')
  if (inHeader !== undefined && inQuery !== undefined && inHeader !== inQuery) throw badPayloadHash(inHeader)
  return inHeader ?? inQuery
}

/**
 * Reads how the body is to be decoded and checked; throws what can be refused without reading it. Checksums that a
 * presigned URL carries in its query are signed but not checked, as on S3: SDKs compute them over no content.
 */
export function readPayload(request: HttpRequest): Payload {
  const declared = declaredPayloadHash(request)
  const framing = readFraming(request, declared)
  const wireLength = readLength(request, 'content-length')
  const expectations = [...readChecksums(request, framing)]
  if (declared !== undefined && declared !== 'UNSIGNED-PAYLOAD' && framing === undefined) {
    const payloadHash = expectedPayloadHash(declared)
    if (payloadHash === undefined) throw badPayloadHash(declared)
    expectations.push(payloadHash)
  }
  return { wireLength, framing, expectations }
}

function readChecksums(request: HttpRequest, framing: Framing | undefined): readonly Expectation[] {
  // The checksum of CompleteMultipartUpload is the object's, not that of the list in its body.
  if (request.method === 'POST' && request.query.has('uploadId')) return []
  const expectations = readExpectations(new Map([...request.headers].map(([name, values]) => [name, values.join(',')])))
  const algorithms = expectations.filter(({ header }) => header !== undefined).map(({ algorithm }) => algorithm)
  if (framing?.trailerChecksum !== undefined) algorithms.push(framing.trailerChecksum)
  if (algorithms.length > 1) {
    throw new S3Error('InvalidRequest', { message: 'Expecting a single x-amz-checksum- header' })
  }
  const named = header(request, 'x-amz-sdk-checksum-algorithm')
  if (named !== undefined) {
    const algorithm = parseChecksumAlgorithm(named)
    if (algorithm === undefined || algorithms.some((given) => given !== algorithm)) {
      throw new S3Error('InvalidRequest', { message: 'Value for x-amz-sdk-checksum-algorithm header is invalid.' })
    }
  }
  return expectations
}

function badPayloadHash(value: string): S3Error {
  return invalidArgument('x-amz-content-sha256', {
    value,
    message: `x-amz-content-sha256 must be UNSIGNED-PAYLOAD, ${[...streamingPayloads.keys()].join(', ')}, or a valid sha256 value.`,
  })
}
