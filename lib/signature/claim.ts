import { S3Error } from '../errors.js'
import { sha256Hex } from './canonical-request.js'
import type { Diagnose } from './diagnosis.js'
import { hmac, sameSignature } from './hmac.js'

/** The signature of a request: parsed and within its time limits, but not yet verified. */
export interface Claim {
  readonly accessKeyId: string
  /**
   * Verifies the signature with this secret. Returns the chain that verifies the chunks of the body if this form of
   * signature has one.
   *
   * @throws S3Error SignatureDoesNotMatch
   */
  prove(secretAccessKey: string): ChunkChain | undefined
}

/** How the signature of a request is parsed and verified. */
export interface ClaimOptions {
  /** The only region that a credential scope may name; any region if undefined. */
  readonly region: string | undefined
  readonly now: Date
  /** The bucket in the host name, which a V2 signature covers; undefined in path style. */
  readonly virtualHostBucket: string | undefined
  /** Names the likely cause of a wrong signature. */
  readonly diagnose: Diagnose
}

/** SignatureDoesNotMatch with the details that S3 sends; the likely cause is for the log only. */
export function signatureMismatch(
  signed: { accessKeyId: string; signature: string; stringToSign: string; canonicalRequest?: string },
  likelyCause: string,
): S3Error {
  const { canonicalRequest } = signed
  return new S3Error('SignatureDoesNotMatch', {
    fields: {
      AWSAccessKeyId: signed.accessKeyId,
      StringToSign: signed.stringToSign,
      SignatureProvided: signed.signature,
      StringToSignBytes: spacedHex(signed.stringToSign),
      ...(canonicalRequest === undefined
        ? {}
        : { CanonicalRequest: canonicalRequest, CanonicalRequestBytes: spacedHex(canonicalRequest) }),
    },
    cause: new Error(likelyCause),
  })
}

/** Node reads the bytes of header values as Latin-1. */
function spacedHex(text: string): string {
  return Buffer.from(text, 'latin1')
    .toString('hex')
    .replace(/..(?!$)/g, '$& ')
}

/** The credential of one access key. */
export interface Credential {
  /** The secret that signs; an empty secret is refused. */
  readonly secretAccessKey: string
  /** The Pachyderm token for requests signed with this key. */
  readonly authToken?: string | undefined
}

/** A credential and its owner's name for logs. */
export interface NamedCredential extends Credential {
  readonly requester?: string | undefined
}

/** Looks up access keys. */
export interface CredentialSource {
  /** The credential of an access key; undefined if it is unknown. Throws if the look-up fails; nobody passes then. */
  credentialFor(accessKeyId: string): Promise<NamedCredential | undefined>
  /** Whether a caller without a valid credential may pass; called only for such callers. */
  anonymousAllowed(): Promise<boolean>
}

/** The signatures of a streamed body. Each signs the previous one; the first signs that of the request. */
export interface ChunkChain {
  /** Throws SignatureDoesNotMatch unless `signature` signs the next chunk, whose hex SHA-256 is given. */
  requireChunk(sha256: string, signature: string): void
  /** Throws SignatureDoesNotMatch unless `signature` signs the trailer, given as `name:value` lines. */
  requireTrailer(lines: string, signature: string): void
}

/** Starts a chain at the signature of the request; `timestamp` and `scope` are those of its string to sign. */
export function createChunkChain(start: { key: Buffer; timestamp: string; scope: string; seed: string }): ChunkChain {
  let previous = start.seed
  const advance = (algorithm: string, hashes: readonly string[], signature: string) => {
    const stringToSign = [algorithm, start.timestamp, start.scope, previous, ...hashes].join('\n')
    if (!sameSignature(hmac(start.key, stringToSign).toString('hex'), signature)) {
      throw new S3Error('SignatureDoesNotMatch', {
        cause: new Error('a chunk of the body has a wrong signature'),
      })
    }
    previous = signature
  }
  return {
    requireChunk: (sha256, signature) => advance('AWS4-HMAC-SHA256-PAYLOAD', [sha256OfNothing, sha256], signature),
    requireTrailer: (lines, signature) => advance('AWS4-HMAC-SHA256-TRAILER', [sha256Hex(lines)], signature),
  }
}

/** The string to sign of a chunk has this hash in place of its headers. */
const sha256OfNothing = sha256Hex('')
