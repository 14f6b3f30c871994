import { S3Error } from '../errors.js'
import { sha256Hex } from './canonical-request.js'
import { sameSignature } from './same-signature.js'
import { hmac } from './signing-key.js'

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
