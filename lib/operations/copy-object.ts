import { stageCopy } from '../commits/change.js'
import { invalidArgument, S3Error } from '../errors.js'
import { header } from '../http/request.js'
import { xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml-writer.js'
import type { ObjectRecord } from '../records/record.js'
import type { ObjectCall, Operation } from './call.js'
import { type CopySource, resolveCopySource } from './copy-source.js'
import { readAttributes } from './object-attributes.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from './unsupported-headers.js'
import { requireWritable } from './writable.js'
import { writeObject } from './write.js'
import { readWriteCondition } from './write-condition.js'

/** CopyObject: inside PFS, across branches, repos and projects; no bytes are moved. */
export const copyObject: Operation<ObjectCall> = async (call) => {
  const { gateway, request, bucket, key } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  const path = gateway.keys.pathFromKey(key)
  const condition = readWriteCondition(call, key)
  const source = await resolveCopySource(call)
  requireChange(call, path, source)
  const { info } = source.object
  const isOpen = info.committed === undefined
  const content = isOpen
    ? await stageCopy(gateway.pfs, info, call.options)
    : { copyOf: info.file, sizeBytes: info.sizeBytes }
  const written = await writeObject(call, {
    path,
    content,
    // A file of an open commit may have changed since.
    ...(!isOpen && { hash: info.hash }),
    record: copiedRecord(call, source.object.record),
    ...condition,
  })
  return xmlResponse(
    xmlDocument('CopyObjectResult', { LastModified: written.lastModified.toISOString(), ETag: written.etag }),
    {
      'x-amz-version-id': written.versionId,
      'x-amz-copy-source-version-id': source.object.versionId,
      ...encryptionHeaders(header(request, 'x-amz-server-side-encryption')),
    },
  )
}

/** The attributes of a copy: those of its source, or new ones if the request replaces them. */
function copiedRecord({ request, key }: ObjectCall, source: ObjectRecord): ObjectRecord {
  const given = readAttributes(request, key)
  const { headers, metadata } = header(request, 'x-amz-metadata-directive') === 'REPLACE' ? given : source
  const { tags } = header(request, 'x-amz-tagging-directive') === 'REPLACE' ? given : source
  return { ...source, headers, metadata, tags, versions: [] }
}

/** Headers by which a copy of an object onto itself asks for something, if only for a condition to be checked. */
const changes = ['x-amz-storage-class', 'x-amz-server-side-encryption', 'if-match', 'if-none-match']

/** S3 refuses a copy of an object onto itself that asks for no change. */
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
  if (same && directive === 'COPY' && !changes.some((name) => request.headers.has(name))) {
    throw new S3Error('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    })
  }
}
