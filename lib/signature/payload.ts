import {
  type ChecksumAlgorithm,
  checksumHeader,
  parseBase64,
  parseChecksum,
  parseChecksumAlgorithm,
} from '../checksums.js'
import { invalidArgument, notImplemented, S3Error } from '../errors.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import type { LengthLimits } from './policy-conditions.js'

/** The description of a body in the headers of its request. */
export interface Payload {
  /** Bytes on the wire; undefined if the client did not announce a length. */
  readonly wireLength?: number | undefined
  readonly framing?: Framing | undefined
  readonly expectations: readonly Expectation[]
}

/** `x-amz-content-sha256` from the header, or from the query of a presigned URL. Throws if the two differ. */
export function declaredPayloadHash(request: HttpRequest): string | undefined {
  const inHeader = header(request, 'x-amz-content-sha256')
  const inQuery = queryValue(request, 'X-Amz-Content-Sha256')
  if (inHeader !== undefined && inQuery !== undefined && inHeader !== inQuery) throw badPayloadHash(inHeader)
  return inHeader ?? inQuery
}

/**
 * Parses how to decode and verify the body. Checksums in the query of a presigned URL are signed but not verified, as on
 * S3: SDKs compute them over an empty body.
 *
 * @throws S3Error for anything that can be refused without reading the body.
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
  // CompleteMultipartUpload sends the checksum of the object, not of its body, the list of parts.
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

/** The aws-chunked framing of a body. */
export interface Framing {
  /** Whether each chunk has a signature. */
  readonly signed: boolean
  /** Whether a trailer may follow the last chunk. */
  readonly trailer: boolean
  /** The checksum that the trailer must contain. */
  readonly trailerChecksum?: ChecksumAlgorithm
  /** Bytes of content without the framing. */
  readonly decodedLength: number
}

/** The values of `x-amz-content-sha256` that announce aws-chunked framing. */
const streamingPayloads: ReadonlyMap<string, Pick<Framing, 'signed' | 'trailer'>> = new Map([
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', { signed: true, trailer: false }],
  ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', { signed: true, trailer: true }],
  ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { signed: false, trailer: true }],
])

/** Parses the framing from the headers; undefined for an unframed body. Throws what can be refused before the body. */
function readFraming(request: HttpRequest, payloadHash: string | undefined): Framing | undefined {
  if (payloadHash?.startsWith('STREAMING-AWS4-ECDSA-'))
    throw notImplemented('x-amz-content-sha256', 'chunks can be signed with SHA256 only, not with ECDSA.')
  const kind = payloadHash === undefined ? unsignedFraming(request) : streamingPayloads.get(payloadHash)
  const trailerName = header(request, 'x-amz-trailer')
  if (trailerName !== undefined && !kind?.trailer) throw unsupportedTrailer()
  if (kind === undefined) return undefined
  const decodedLength = readLength(request, 'x-amz-decoded-content-length')
  if (decodedLength === undefined) throw new S3Error('MissingContentLength')
  if (trailerName === undefined) return { ...kind, decodedLength }
  return { ...kind, decodedLength, trailerChecksum: parseTrailerName(trailerName) }
}

/** SDKs without credentials frame the body but omit `x-amz-content-sha256`. */
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

/** A digest that the client sent for its content. */
export interface Expectation {
  readonly algorithm: ChecksumAlgorithm
  readonly digest: Buffer
  /** The header or trailer to echo in the response; undefined if S3 does not echo it. */
  readonly header?: string
  /** The error for content with a different digest. */
  readonly refusal: (calculated: Buffer) => S3Error
}

/** Headers that start like a checksum header but contain no checksum. */
const notChecksums = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-type', 'x-amz-checksum-mode'])

/** The digests of a body in headers or form fields (lower-case names). Throws as S3 does if one is malformed. */
export function readExpectations(fields: ReadonlyMap<string, string>): readonly Expectation[] {
  const expectations: Expectation[] = []
  const md5 = fields.get('content-md5')
  if (md5 !== undefined) expectations.push(expectedMd5(md5))
  const names = [...fields.keys()].filter((name) => name.startsWith('x-amz-checksum-') && !notChecksums.has(name))
  if (names.length > 1) {
    throw invalid('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  }
  for (const name of names) {
    const algorithm = parseChecksumAlgorithm(name.slice('x-amz-checksum-'.length))
    if (algorithm === undefined) {
      throw invalid('The algorithm type you specified in x-amz-checksum- header is invalid.')
    }
    expectations.push(expectedChecksum(algorithm, fields.get(name) ?? '', 'header'))
  }
  return expectations
}

/** Parses a base64 checksum; throws InvalidRequest if it is not a value of the algorithm. */
export function expectedChecksum(
  algorithm: ChecksumAlgorithm,
  text: string,
  place: 'header' | 'trailing header',
): Expectation {
  const digest = parseChecksum(algorithm, text)
  if (digest === undefined) throw invalid(`Value for ${checksumHeader(algorithm)} ${place} is invalid.`)
  return {
    algorithm,
    digest,
    header: checksumHeader(algorithm),
    refusal: () =>
      new S3Error('BadDigest', {
        message: `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
      }),
  }
}

/** The digest in `x-amz-content-sha256`; undefined unless it is 64 hex digits. */
function expectedPayloadHash(text: string): Expectation | undefined {
  if (!/^[0-9a-f]{64}$/i.test(text)) return undefined
  return {
    algorithm: 'sha256',
    digest: Buffer.from(text, 'hex'),
    refusal: (calculated) =>
      new S3Error('XAmzContentSHA256Mismatch', {
        fields: { ClientComputedContentSHA256: text, S3ComputedContentSHA256: calculated.toString('hex') },
      }),
  }
}

function expectedMd5(text: string): Expectation {
  const digest = parseBase64(text, 16)
  if (digest === undefined) throw new S3Error('InvalidDigest', { fields: { 'Content-MD5': text } })
  return {
    algorithm: 'md5',
    digest,
    refusal: (calculated) =>
      new S3Error('BadDigest', {
        message: 'The Content-MD5 you specified did not match what we received.',
        fields: { ExpectedDigest: digest.toString('hex'), CalculatedDigest: calculated.toString('base64') },
      }),
  }
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message })
}

/** Parses a header that counts bytes; undefined if it is missing. */
function readLength(request: HttpRequest, name: string): number | undefined {
  const text = header(request, name)
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidArgument(name, { value: text, message: `Invalid value for ${name}.` })
}

/** Passes a body on; throws IncompleteBody unless it has exactly `length` bytes. If undefined, any length passes. */
export async function* exactLength(
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0
  for await (const bytes of body) {
    seen += bytes.length
    if (length !== undefined && seen > length) break
    yield bytes
  }
  if (length !== undefined && seen !== length) throw new S3Error('IncompleteBody')
}

/** Passes a body on; throws EntityTooSmall or EntityTooLarge if its length in bytes is outside the limits. */
export async function* limitedLength(
  body: AsyncIterable<Uint8Array>,
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY }: LengthLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0
  for await (const bytes of body) {
    seen += bytes.length
    if (seen > maxLength) {
      throw new S3Error('EntityTooLarge', { fields: { ProposedSize: String(seen), MaxSizeAllowed: String(maxLength) } })
    }
    yield bytes
  }
  if (seen < minLength) {
    throw new S3Error('EntityTooSmall', { fields: { ProposedSize: String(seen), MinSizeAllowed: String(minLength) } })
  }
}
