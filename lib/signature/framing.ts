import { type ChecksumAlgorithm, parseChecksumAlgorithm } from '../checksums/checksums.js'
import { notImplemented, S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import { readLength } from './length.js'

/** How a body is framed as aws-chunked. */
export interface Framing {
  /** Whether each chunk bears a signature. */
  readonly signed: boolean
  /** Whether a trailer may follow the last chunk. */
  readonly trailer: boolean
  /** The checksum that the trailer is to bring. */
  readonly trailerChecksum?: ChecksumAlgorithm
  /** Bytes of content within the framing. */
  readonly decodedLength: number
}

/** The values of `x-amz-content-sha256` that announce aws-chunked framing. */
export const streamingPayloads: ReadonlyMap<string, Pick<Framing, 'signed' | 'trailer'>> = new Map([
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { signed: true, trailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { signed: true, trailer: true }],
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { signed: false, trailer: true }],
])

/** Reads the framing from the headers; undefined for a body without; throws what can be refused before the body. */
export function readFraming(request: HttpRequest, payloadHash: string | undefined): Framing | undefined {
  if (payloadHash?.startsWith('STREAMING-AWS4-ECDSA-'))
    throw notImplemented('x-amz-content-sha256', 'only SHA256 signs chunks, not ECDSA.')
  const kind = payloadHash === undefined ? unsignedFraming(request) : streamingPayloads.get(payloadHash)
  const trailerName = header(request, 'x-amz-trailer')
  if (trailerName !== undefined && !kind?.trailer) throw unsupportedTrailer()
  if (kind === undefined) return undefined
  const decodedLength = readLength(request, 'x-amz-decoded-content-length')
  if (decodedLength === undefined) throw new S3Error('MissingContentLength')
  if (trailerName === undefined) return { ...kind, decodedLength }
  return { ...kind, decodedLength, trailerChecksum: parseTrailerName(trailerName) }
}

/** SDKs without credentials frame a body and send no `x-amz-content-sha256`. */
function unsignedFraming(request: HttpRequest): Pick<Framing, 'signed' | 'trailer'> | undefined {
  const framed =
    contentEncodings(request).some((encoding) => encoding.toLowerCase() === 'aws-chunked') &&
    request.headers.has('x-amz-decoded-content-length')
  return framed ? { signed: false, trailer: true } : undefined
}

function contentEncodings(request: Pick<HttpRequest, 'headers'>): readonly string[] {
  const encodings = (header(request, 'content-encoding') ?? '').split(',')
  return encodings.map((encoding) => encoding.trim()).filter((encoding) => encoding !== '')
}

function parseTrailerName(text: string): ChecksumAlgorithm {
  const [, name = ''] = /^x-amz-checksum-(.+)$/.exec(text.trim().toLowerCase()) ?? []
  const algorithm = parseChecksumAlgorithm(name)
  if (algorithm === undefined) throw unsupportedTrailer()
  return algorithm
}

function unsupportedTrailer(): S3Error {
  return new S3Error('InvalidRequest', { message: 'The value specified in the x-amz-trailer header is not supported' })
}
