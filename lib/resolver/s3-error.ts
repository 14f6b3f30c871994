import { MetaRepoRefused } from '../commits/meta-branch.js'
import { S3Error, type S3ErrorDetail } from '../errors.js'
import type { Address } from '../http/address.js'
import { type Missing, PathCollision, PfsError } from '../pfs/errors.js'

/** Converts any failure to an S3 error; a failure that S3 has no code for becomes the cause of an InternalError. */
export function s3ErrorFrom(failure: unknown, address: Address | undefined): S3Error {
  if (failure instanceof S3Error) return failure.code === 'NoSuchKey' ? noSuchKey(address, failure) : failure
  if (failure instanceof PathCollision) {
    return new S3Error('InvalidBucketState', { message: collisionMessage(failure), cause: failure })
  }
  if (failure instanceof MetaRepoRefused) {
    return new S3Error('AccessDenied', { message: failure.message, cause: failure })
  }
  if (failure instanceof PfsError) return fromPfsError(failure, address)
  return new S3Error('InternalError', { cause: failure })
}

function fromPfsError(failure: PfsError, address: Address | undefined): S3Error {
  const detail: S3ErrorDetail = { cause: failure }
  if (failure.missing !== undefined) return notFound(failure.missing, address, detail)
  if (failure.refusal === 'expired-token') return new S3Error('ExpiredToken', detail)
  switch (failure.status) {
    case 'UNAUTHENTICATED':
      return new S3Error(failure.refusal === 'no-token' ? 'AccessDenied' : 'InvalidAccessKeyId', detail)
    case 'PERMISSION_DENIED':
      return new S3Error('AccessDenied', detail)
    case 'RESOURCE_EXHAUSTED':
      return new S3Error('SlowDown', detail)
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
      return new S3Error('ServiceUnavailable', detail)
    default:
      return fromRefusal(failure, address, detail)
  }
}

function notFound(missing: Missing, address: Address | undefined, detail: S3ErrorDetail): S3Error {
  switch (missing) {
    case 'file':
      return noSuchKey(address, detail)
    default: {
      const bucket = address === undefined || address.kind === 'service' ? {} : { BucketName: address.bucket }
      return new S3Error('NoSuchBucket', { ...detail, fields: bucket })
    }
  }
}

/** NoSuchKey with the key, which only this layer knows. */
function noSuchKey(address: Address | undefined, { fields, headers, cause }: S3ErrorDetail): S3Error {
  const key = address?.kind === 'object' ? { Key: address.key } : {}
  return new S3Error('NoSuchKey', { fields: { ...key, ...fields }, headers: headers ?? {}, cause })
}

/** Maps pachd's refusals to S3 errors; passes pachd's message on if it helps the client. */
function fromRefusal(failure: PfsError, address: Address | undefined, detail: S3ErrorDetail): S3Error {
  switch (failure.refusal) {
    case 'name':
      return new S3Error('InvalidBucketName', detail)
    case 'path':
      return new S3Error('InvalidArgument', { ...detail, message: failure.message })
    case 'not-a-file':
      return noSuchKey(address, detail)
    case 'collision':
    case 'output-branch':
    case 'provenance':
    case 'pipeline':
    case 'forgotten':
      return new S3Error('InvalidBucketState', { ...detail, message: failure.message })
    // Temporary: pachd, or another writer of the branch, will finish its commit soon.
    case 'finished':
    case 'open-parent':
    case 'rolled-back':
    case 'unfinished-parent':
      return new S3Error('ServiceUnavailable', detail)
    default:
      return new S3Error('InternalError', detail)
  }
}

function collisionMessage({ path, other }: PathCollision): string {
  return `PFS cannot store both "${path.slice(1)}" and "${other.slice(1)}": one name would be a file and a directory.`
}
