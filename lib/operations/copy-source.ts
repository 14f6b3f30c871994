import { invalidArgument, S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { requireSourceCondition } from '../http/preconditions.js'
import { header } from '../http/request.js'
import { percentByte } from '../percent-encoding.js'
import type { ObjectName, StoredObject } from '../resolver/object.js'
import { s3ErrorFrom } from '../resolver/s3-error.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import type { ObjectCall } from './call.js'
import { requireExpectedOwner } from './owner.js'

/** The object that is copied. */
export interface CopySource {
  readonly name: ObjectName
  readonly object: StoredObject
}

/**
 * Asks PFS for the source of a copy, with the caller's own rights, and checks the `x-amz-copy-source-if-*` conditions.
 * Its errors name the source, not the object that the request addresses.
 *
 * @throws S3Error InvalidArgument, NoSuchBucket, NoSuchKey, NoSuchVersion, PreconditionFailed, AccessDenied
 */
export async function resolveCopySource({ gateway, request, options }: ObjectCall): Promise<CopySource> {
  const { bucket, key, versionId } = parseCopySource(header(request, 'x-amz-copy-source') ?? '')
  const name = { bucket: gateway.bucketNames.parse(bucket), path: gateway.keys.pathFromKey(key), versionId }
  requireExpectedOwner(request, 'x-amz-source-expected-bucket-owner')
  const object = await resolveVersion(gateway, name, options).catch((error: unknown) => {
    throw sourceError(s3ErrorFrom(error, { kind: 'object', bucket, key }))
  })
  requireSourceCondition(request, object)
  return { name, object }
}

/** S3 reports a delete marker as a fault of the request: MethodNotAllowed would be about the method of the copy. */
function sourceError(error: S3Error): S3Error {
  if (error.code !== 'MethodNotAllowed') return error
  const message = 'The source of a copy request may not specifically refer to a delete marker by version id.'
  return new S3Error('InvalidRequest', { message, cause: error })
}

/**
 * Reads `[/]bucket/key[?versionId=id]`. Clients encode it in different ways: each part or the whole, slashes included, a
 * space as `%20` or `+`. So the query is cut off first, then the rest is decoded, and then split at its first slash; a `?`
 * or `+` in a key has to be encoded.
 */
function parseCopySource(text: string): { bucket: string; key: string; versionId: string | undefined } {
  const mark = text.indexOf('?')
  const path = mark < 0 ? text : text.slice(0, mark)
  const versionId = mark < 0 ? undefined : /^versionId=([^&]+)$/.exec(text.slice(mark + 1))?.[1]
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decodeCopySource(path) ?? '') ?? []
  if (bucket === undefined || key === undefined || (mark >= 0 && versionId === undefined)) {
    throw invalidArgument('x-amz-copy-source', {
      value: text,
      message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    })
  }
  return { bucket, key: requireKeyLength(key), versionId }
}

/** Undefined if it is not UTF-8. Node reads header bytes as Latin-1, and some clients leave non-ASCII bytes as they are. */
function decodeCopySource(path: string): string | undefined {
  const escaped = path.replaceAll('+', ' ').replace(/[\x80-\xff]/g, (byte) => percentByte(byte.charCodeAt(0)))
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}
