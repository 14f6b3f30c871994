import { S3Error } from '../errors.js'
import type { ChunkChain } from './chunk-chain.js'
import type { Diagnose } from './diagnosis.js'

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
