import { invalidArgument, S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { preconditionFailed, readCondition } from '../http/preconditions.js'
import { header, percentDecode } from '../http/request.js'
import { parseBucketName } from '../resolver/bucket-name.js'
import type { ObjectName, StoredObject } from '../resolver/object.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import type { ObjectCall } from './call.js'

/** The object that is copied. */
export interface CopySource {
  readonly name: ObjectName
  readonly object: StoredObject
}

/** Asks PFS for the source with the caller's own rights and holds the `x-amz-copy-source-if-*` conditions against it. */
export async function resolveCopySource({ gateway, request, options }: ObjectCall): Promise<CopySource> {
  const { bucket, key, versionId } = parseCopySource(header(request, 'x-amz-copy-source') ?? '')
  const name = { bucket: parseBucketName(bucket), path: gateway.keys.pathFromKey(key), versionId }
  const object = await resolveVersion(gateway, name, options).catch((error: unknown) => {
    throw isDeleteMarker(error) ? deletedSource(error) : error
  })
  if (readCondition(request, object, 'x-amz-copy-source-') === 'not-modified') {
    throw preconditionFailed('x-amz-copy-source-If-None-Match')
  }
  return { name, object }
}

function isDeleteMarker(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'MethodNotAllowed'
}

function deletedSource(cause: unknown): S3Error {
  const message = 'The source of a copy request may not specifically refer to a delete marker by version id.'
  return new S3Error('InvalidRequest', { message, cause })
}

/** Reads `[/]bucket/key[?versionId=id]`, percent-encoded; a `?` in a key is encoded. Throws InvalidArgument. */
function parseCopySource(text: string): { bucket: string; key: string; versionId: string | undefined } {
  const [path = '', query] = text.split('?', 2)
  const [, rawBucket = '', rawKey = ''] = /^\/?([^/]*)\/(.*)$/s.exec(path) ?? []
  const versionId = query === undefined ? undefined : /^versionId=([^&]*)$/.exec(query)?.[1]
  const bucket = percentDecode(rawBucket)
  const key = requireKeyLength(percentDecode(rawKey))
  if (bucket === '' || key === '' || (query !== undefined && versionId === undefined)) {
    throw invalidArgument('x-amz-copy-source', {
      value: text,
      message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    })
  }
  return { bucket, key, versionId }
}
