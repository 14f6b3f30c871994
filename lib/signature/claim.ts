import { S3Error } from '../errors.js'
import { sha256Hex } from './canonical-request.js'
import type { Diagnose } from './diagnosis.js'
import { hmac, sameSignature } from './hmac.js'

/** What a request says of its signer: read and within its time, but not yet proven. */
export interface Claim {
  readonly accessKeyId: string
  /**
   * Throws SignatureDoesNotMatch unless this secret made the signature. Answers the chain that signs the chunks of the
   * body where the form of signature has one.
   */
  prove(secretAccessKey: string): ChunkChain | undefined
}

/** What a claim is held against as it is read. */
export interface ClaimOptions {
  /** The one region that a scope may name; any where undefined. */
  readonly region: string | undefined
  readonly now: Date
  /** The bucket that the host names, which a V2 signature covers; undefined in path style. */
  readonly virtualHostBucket: string | undefined
  /** Names the likely cause of a wrong signature. */
  readonly diagnose: Diagnose
}

/** SignatureDoesNotMatch with what S3 tells the client, and the likely cause for the log only. */
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

/** Header values are bytes that Node reads as Latin-1. */
function spacedHex(text: string): string {
  return Buffer.from(text, 'latin1')
    .toString('hex')
    .replace(/..(?!$)/g, '$& ')
}

/** What an access key stands for. */
export interface Credential {
  /** The secret that signs; an empty one proves nothing. */
  readonly secretAccessKey: string
  /** The Pachyderm token that the signer acts with. */
  readonly authToken?: string | undefined
}

/** A credential, and the name of its owner for logs. */
export interface NamedCredential extends Credential {
  readonly requester?: string | undefined
}

/** Where access keys are looked up. */
export interface CredentialSource {
  /** The credential of an access key; undefined where there is none. A failure to find out is thrown and passes nobody. */
  credentialFor(accessKeyId: string): Promise<NamedCredential | undefined>
  /** Whether a caller who has proven no credential may pass; asked only for such a caller. */
  anonymousAllowed(): Promise<boolean>
}

/** The signatures of a streamed body, each made over the one before it; the first over the request's own. */
export interface ChunkChain {
  /** Throws SignatureDoesNotMatch unless this is the signature of the next chunk, whose SHA-256 is given in hex. */
  requireChunk(sha256: string, signature: string): void
  /** Throws SignatureDoesNotMatch unless this is the signature of the trailer, given as `name:value` lines. */
  requireTrailer(lines: string, signature: string): void
}

/** Starts a chain at the signature of the request; `timestamp` and `scope` as in its string to sign. */
export function createChunkChain(start: { key: Buffer; timestamp: string; scope: string; seed: string }): ChunkChain {
  let previous = start.seed
  const advance = (algorithm: string, hashes: readonly string[], signature: string) => {
    const stringToSign = [algorithm, start.timestamp, start.scope, previous, ...hashes].join('\n')
    if (!sameSignature(hmac(start.key, stringToSign).toString('hex'), signature)) {
      throw new S3Error('SignatureDoesNotMatch', {
        cause: new Error('a chunk of the body does not bear its signature'),
      })
    }
    previous = signature
  }
  return {
    requireChunk: (sha256, signature) => advance('AWS4-HMAC-SHA256-PAYLOAD', [sha256OfNothing, sha256], signature),
    requireTrailer: (lines, signature) => advance('AWS4-HMAC-SHA256-TRAILER', [sha256Hex(lines)], signature),
  }
}

/** Stands where a request has its headers. */
const sha256OfNothing = sha256Hex('')
