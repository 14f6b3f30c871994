import { S3Error } from '../errors.js'
import type { HttpRequest } from '../http/request.js'

/** Headers of a write that ask for what PFS cannot keep, and whose loss a client would not see. */
const unsupported = [
  /^x-amz-server-side-encryption/,
  /^x-amz-copy-source-server-side-encryption/,
  /^x-amz-object-lock-/,
  /^x-amz-grant-/,
  /^x-amz-tagging$/,
  /^x-amz-website-redirect-location$/,
  /^x-amz-write-offset-bytes$/,
]

/** Storage classes name a price; all of PFS is the first of them. */
const storageClasses = new Set(['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'INTELLIGENT_TIERING'])

/** Throws NotImplemented for a write that asks for what would be lost, InvalidStorageClass for an unknown class. */
export function refuseUnsupportedHeaders(request: HttpRequest): void {
  for (const name of request.headers.keys()) {
    if (unsupported.some((pattern) => pattern.test(name))) {
      throw new S3Error('NotImplemented', { fields: { Header: name } })
    }
  }
  for (const storageClass of request.headers.get('x-amz-storage-class') ?? []) {
    if (!storageClasses.has(storageClass)) throw new S3Error('InvalidStorageClass')
  }
}
