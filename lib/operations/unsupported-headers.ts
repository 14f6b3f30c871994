import { notImplemented, S3Error } from '../errors.js'
import { header } from '../http/request.js'
import type { Headers } from '../http/response.js'
import type { RecordMode } from '../records/record-store.js'
import { isOwnersAcl } from './access-control.js'
import type { Call } from './call.js'

/** Accepted storage classes: a storage class is only a price, and PFS has one kind of storage. */
const storageClasses = new Set(['STANDARD', 'REDUCED_REDUNDANCY', 'STANDARD_IA', 'INTELLIGENT_TIERING'])

/** Headers that need records, with the reason for the client if the gateway keeps none. */
const recorded: ReadonlyMap<string, string> = new Map([
  ['x-amz-tagging', 'this gateway keeps no tags (objectRecords is off).'],
  ['x-amz-website-redirect-location', 'this gateway keeps no redirects (objectRecords is off).'],
])

/** Headers that are always refused. */
const notKept: ReadonlyMap<string, string> = new Map([['x-amz-write-offset-bytes', 'objects cannot be appended to.']])

/**
 * Refuses a write whose headers would silently have no effect. Uses S3's 4xx codes where they exist, since some clients
 * retry every 5xx.
 *
 * @throws S3Error InvalidEncryptionAlgorithmError, InvalidStorageClass, AccessControlListNotSupported, InvalidRequest,
 *   NotImplemented
 */
export function refuseUnsupportedHeaders({ gateway, request }: Call): void {
  for (const name of request.headers.keys()) {
    refuseUnsupported(gateway.records.mode, name, header(request, name) ?? '')
  }
}

/** Does the same for the fields of a form. */
export function refuseUnsupportedFields({ gateway }: Call, fields: ReadonlyMap<string, string>): void {
  for (const [name, value] of fields) {
    refuseUnsupported(gateway.records.mode, name === 'tagging' || name === 'acl' ? `x-amz-${name}` : name, value)
  }
}

/** The requested encryption, which S3 repeats in its response. */
export function encryptionHeaders(asked: string | undefined): Headers {
  return asked === undefined ? {} : { 'x-amz-server-side-encryption': asked }
}

function refuseUnsupported(mode: RecordMode, name: string, value: string): void {
  const reason = notKept.get(name) ?? (mode === 'off' ? recorded.get(name) : undefined)
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

/** `AES256` means encryption at rest with a key of the server, which the storage below PFS may do. */
function refuseEncryption(name: string, value: string): void {
  if (name === 'x-amz-server-side-encryption' && value !== 'AES256') {
    throw new S3Error('InvalidEncryptionAlgorithmError', { fields: { Header: name } })
  }
  if (/^x-amz-(copy-source-)?server-side-encryption-(customer|aws-kms|context)/.test(name)) {
    const message = 'Objects cannot be encrypted with a key of the client or of AWS KMS; the only encryption is AES256.'
    throw new S3Error('InvalidRequest', { message, fields: { Header: name } })
  }
}
