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
export function refuseUnsupportedHeaders({ headers }: Pick<HttpRequest, 'headers'>): void {
  for (const [name, values] of headers) refuseUnsupported(name, values)
}

/** The same for the fields of a form, which stand for headers. */
export function refuseUnsupportedFields(fields: ReadonlyMap<string, string>): void {
  for (const [name, value] of fields) refuseUnsupported(name === 'tagging' ? 'x-amz-tagging' : name, [value])
}

function refuseUnsupported(name: string, values: readonly string[]): void {
  if (unsupported.some((pattern) => pattern.test(name)))
    throw new S3Error('NotImplemented', { fields: { Header: name } })
  if (name === 'x-amz-storage-class' && !values.every((value) => storageClasses.has(value))) {
    throw new S3Error('InvalidStorageClass')
  }
}
