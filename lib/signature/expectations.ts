import {
  type ChecksumAlgorithm,
  checksumHeader,
  parseBase64,
  parseChecksum,
  parseChecksumAlgorithm,
} from '../checksums/checksums.js'
import { S3Error } from '../errors.js'

/** A digest that the client gave of its content. */
export interface Expectation {
  readonly algorithm: ChecksumAlgorithm
  readonly digest: Buffer
  /** The header or trailer that the answer echoes; undefined where S3 echoes none. */
  readonly header?: string
  /** The error for content with another digest. */
  readonly refusal: (calculated: Buffer) => S3Error
}

/** Headers that begin like a checksum's and hold none. */
const notChecksums = new Set(['x-amz-checksum-algorithm', 'x-amz-checksum-type', 'x-amz-checksum-mode'])

/** The digests that headers or form fields (lower-case names) give of a body; throws as S3 does where one is malformed. */
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

/** A checksum in base64 as an expectation; throws InvalidRequest where it is not a value of the algorithm. */
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

/** The value of `x-amz-content-sha256` where it is a digest; undefined where it is not 64 hex digits. */
export function expectedPayloadHash(text: string): Expectation | undefined {
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
