import { invalidArgument, S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { preconditionFailed, readCondition } from '../http/preconditions.js'
import { header, percentDecode } from '../http/request.js'
import { xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml-writer.js'
import { parseBucketName } from '../resolver/bucket-name.js'
import type { ObjectName, StoredObject } from '../resolver/object.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import type { ObjectCall, Operation } from './call.js'
import { refuseUnsupportedHeaders } from './unsupported-headers.js'
import { requireWritable } from './writable.js'
import { commitChange, writtenObject } from './write.js'
import { readWriteCondition } from './write-condition.js'

/** CopyObject: inside PFS, across branches, repos and projects; no bytes are moved. */
export const copyObject: Operation<ObjectCall> = async (call) => {
  const { gateway, request, bucket, key } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(request)
  const path = gateway.keys.pathFromKey(key)
  const condition = readWriteCondition(request)
  const source = await resolveCopySource(call)
  requireChange(call, path, source)
  const committed = await commitChange(call, { path, content: { copyOf: source.object.info.file }, ...condition })
  const written = await writtenObject(call, path, committed)
  return xmlResponse(
    xmlDocument('CopyObjectResult', { LastModified: written.lastModified.toISOString(), ETag: written.etag }),
    { 'x-amz-version-id': written.versionId, 'x-amz-copy-source-version-id': source.object.versionId },
  )
}

interface CopySource {
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

/** S3 refuses a copy onto itself that changes nothing. */
function requireChange({ request, bucket }: ObjectCall, path: string, { name }: CopySource): void {
  const directive = header(request, 'x-amz-metadata-directive') ?? 'COPY'
  if (directive !== 'COPY' && directive !== 'REPLACE') {
    throw invalidArgument('x-amz-metadata-directive', { value: directive, message: 'Unknown metadata directive.' })
  }
  const { repo, name: branch } = name.bucket.branch
  const same =
    path === name.path &&
    branch === bucket.branch.name &&
    repo.name === bucket.branch.repo.name &&
    repo.project === bucket.branch.repo.project &&
    name.bucket.at === undefined &&
    name.versionId === undefined
  if (same && directive === 'COPY') {
    throw new S3Error('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    })
  }
}
