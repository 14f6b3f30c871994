import { notImplemented, S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import type { Headers } from '../http/response.js'
import { isOwnersAcl } from './access-control.js'

/** Storage classes name a price; all of PFS is the first of them. */
const storageClasses = new Set(['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'INTELLIGENT_TIERING'])

/** Headers of a write that ask for something that PFS does not keep, with the reason that the client reads. */
const notKept: ReadonlyMap<string, string> = new Map([
  ['x-amz-tagging', 'tags of objects are not kept.'],
  ['x-amz-website-redirect-location', 'buckets are not served as websites.'],
  ['x-amz-write-offset-bytes', 'objects cannot be appended to.'],
])

/**
 * Refuses a write that asks for something that would be lost without the client noticing. Whatever can never work is
 * refused with a 4xx where S3 has one: some clients retry any 5xx.
 *
 * @throws S3Error InvalidEncryptionAlgorithmError, InvalidStorageClass, AccessControlListNotSupported, InvalidRequest,
 *   NotImplemented
 */
export function refuseUnsupportedHeaders(request: Pick<HttpRequest, 'headers'>): void {
  for (const name of request.headers.keys()) refuseUnsupported(name, header(request, name) ?? '')
}

/** The same for the fields of a form, which stand for headers. */
export function refuseUnsupportedFields(fields: ReadonlyMap<string, string>): void {
  for (const [name, value] of fields) {
    refuseUnsupported(name === 'tagging' || name === 'acl' ? `x-amz-${name}` : name, value)
  }
}

/** The encryption that a write asked for and S3 repeats in its answer. */
export function encryptionHeaders(asked: string | undefined): Headers {
  return asked === undefined ? {} : { 'x-amz-server-side-encryption': asked }
}

function refuseUnsupported(name: string, value: string): void {
  const reason = notKept.get(name)
  if (reason !== undefined && value !== '') throw notImplemented(name, reason)
  if (name === 'x-amz-storage-class' && !storageClasses.has(value)) {
    throw new S3Error('InvalidStorageClass', { fields: { StorageClassRequested: value } })
  }
  if (name.startsWith('x-amz-grant-') || (name === 'x-amz-acl' && !isOwnersAcl(value))) {
    throw new S3Error('AccessControlListNotSupported', { fields: { Header: name } })
  }
  if (name.startsWith('x-amz-object-lock-')) {
    const message = 'Bucket is missing Object Lock Configuration'
    throw new S3Error('InvalidRequest', { message, fields: { Header: name } })
  }
  refuseEncryption(name, value)
}

/** `AES256` is encryption at rest with a key of the server's, which is up to the storage below PFS. */
function refuseEncryption(name: string, value: string): void {
  if (name === 'x-amz-server-side-encryption' && value !== 'AES256') {
    throw new S3Error('InvalidEncryptionAlgorithmError', { fields: { Header: name } })
  }
  if (/^x-amz-(copy-source-)?server-side-encryption-(customer|aws-kms|context)/.test(name)) {
    const message = 'Objects cannot be encrypted with a key of the client or of AWS KMS; the only encryption is AES256.'
    throw new S3Error('InvalidRequest', { message, fields: { Header: name } })
  }
}
