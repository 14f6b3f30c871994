import { checksumValue } from '../checksums.js'
import type { NewContent } from '../commits/change.js'
import { stageCopy } from '../commits/stage-content.js'
import { percentByte } from '../encoding.js'
import { invalidArgument, S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { requireSourceCondition } from '../http/preconditions.js'
import { type HttpRequest, header } from '../http/request.js'
import { type DocumentResponse, type Headers, respondLate, type S3Response, xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml.js'
import type { Description } from '../records/record.js'
import { type ObjectName, type StoredObject, withComputedEtag } from '../resolver/object.js'
import { s3ErrorFrom } from '../resolver/s3-error.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import { requireExpectedOwner } from './access-control.js'
import { type ObjectCall, requireWritable } from './call.js'
import { checksumOfCopy, parseCopyAlgorithm } from './copy-checksum.js'
import { readAttributes, redirectHeader } from './object-attributes.js'
import { encryptionHeaders, refuseUnsupportedHeaders } from './unsupported-headers.js'
import { readWriteCondition, writeObject } from './write.js'

/**
 * CopyObject: copies inside PFS, across branches, repos and projects, without moving bytes. The response to a copy that
 * takes seconds, since its checksum has to be computed, has no `x-amz-version-id`.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
 */
export async function copyObject(call: ObjectCall): Promise<S3Response> {
  return respondLate((announce) => copy(call, announce))
}

async function copy(call: ObjectCall, announce: (headers: Headers) => void): Promise<DocumentResponse> {
  const { gateway, request, bucket, key } = call
  requireWritable(bucket)
  refuseUnsupportedHeaders(call)
  const path = gateway.keys.pathFromKey(key)
  const condition = readWriteCondition(call, key)
  const algorithm = parseCopyAlgorithm(request)
  const source = await resolveCopySource(call)
  const copied = copiedDescription(call, source.object.description)
  requireChange(call, path, source)
  const known = {
    'x-amz-copy-source-version-id': source.object.versionId,
    ...encryptionHeaders(header(request, 'x-amz-server-side-encryption')),
  }
  announce(known)
  const { info } = source.object
  const isOpen = info.committed === undefined
  const content = await contentOf(call, source)
  const checksum = await checksumOfCopy(call, source.object, { algorithm, content })
  const description = { ...copied, ...(checksum && { checksum }) }
  const written = await writeObject(call, {
    path,
    content,
    // A file of an open commit may have changed in the meantime.
    ...(!isOpen && { hash: info.hash }),
    description,
    ...condition,
  })
  return xmlResponse(
    xmlDocument('CopyObjectResult', {
      LastModified: (written.time ?? new Date()).toISOString(),
      ETag: written.etag,
      ...checksumValue(checksum, checksum?.value),
    }),
    { ...known, 'x-amz-version-id': written.commitId },
  )
}

/** An empty object may be a directory marker, which has no file that could be copied. */
async function contentOf({ gateway, options }: ObjectCall, { object: { info } }: CopySource): Promise<NewContent> {
  if (info.committed === undefined) return stageCopy(gateway.pfs, info, options)
  return info.sizeBytes === 0 ? { raw: new Uint8Array() } : { copyOf: info.file, sizeBytes: info.sizeBytes }
}

/**
 * The attributes of a copy: those of its source, or new ones if the request replaces them. A redirect belongs to a key, so
 * S3 never copies it.
 */
function copiedDescription({ request }: ObjectCall, source: Description): Description {
  const given = readAttributes(request)
  const isReplaced = replaces(request, 'metadata')
  const { [redirectHeader]: _, ...copied } = source.headers
  const location = given.headers[redirectHeader]
  const headers = isReplaced
    ? given.headers
    : { ...copied, ...(location !== undefined && { [redirectHeader]: location }) }
  const { metadata } = isReplaced ? given : source
  const { tags } = replaces(request, 'tagging') ? given : source
  return { ...source, headers, metadata, tags }
}

/** Whether a request replaces the metadata or the tags of its source. Throws InvalidArgument for an unknown directive. */
function replaces(request: HttpRequest, kind: 'metadata' | 'tagging'): boolean {
  const name = `x-amz-${kind}-directive`
  const value = header(request, name) ?? 'COPY'
  if (value === 'COPY' || value === 'REPLACE') return value === 'REPLACE'
  throw invalidArgument(name, { value, message: `Unknown ${kind} directive.` })
}

/** Headers that make a copy of an object onto itself meaningful. */
const changes = [
  'x-amz-storage-class',
  'x-amz-server-side-encryption',
  'x-amz-checksum-algorithm',
  redirectHeader,
  'if-match',
  'if-none-match',
]

/** S3 refuses to copy an object onto itself without a change. */
function requireChange({ request, bucket }: ObjectCall, path: string, { name }: CopySource): void {
  const { repo, name: branch } = name.bucket.branch
  const same =
    path === name.path &&
    branch === bucket.branch.name &&
    repo.name === bucket.branch.repo.name &&
    repo.project === bucket.branch.repo.project &&
    name.bucket.at === undefined &&
    name.versionId === undefined
  if (same && !replaces(request, 'metadata') && !changes.some((each) => request.headers.has(each))) {
    throw new S3Error('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    })
  }
}

/** The source of a copy. */
interface CopySource {
  readonly name: ObjectName
  readonly object: StoredObject
}

/**
 * Looks up the source of a copy with the caller's rights, and checks the `x-amz-copy-source-if-*` conditions. Its errors
 * name the source, not the object that the request addresses.
 *
 * @throws S3Error InvalidArgument, NoSuchBucket, NoSuchKey, NoSuchVersion, PreconditionFailed, AccessDenied
 */
export async function resolveCopySource(call: ObjectCall): Promise<CopySource> {
  const { gateway, request, options } = call
  const { bucket, key, versionId } = parseCopySource(header(request, 'x-amz-copy-source') ?? '')
  const name = { bucket: gateway.bucketNames.parse(bucket), path: gateway.keys.pathFromKey(key), versionId }
  requireExpectedOwner(request, 'x-amz-source-expected-bucket-owner')
  // Another gateway may have replaced the tags without a commit of data.
  gateway.records.refreshKnown(name.bucket.branch.repo)
  const object = await resolveVersion(gateway, name, options).catch((error: unknown) => {
    throw sourceError(s3ErrorFrom(error, { kind: 'object', bucket, key }))
  })
  const conditions = [header(request, 'x-amz-copy-source-if-match')]
  requireSourceCondition(request, await withComputedEtag(gateway.pfs, object, conditions, options))
  return { name, object }
}

/** S3 reports a delete marker as InvalidRequest: MethodNotAllowed would refer to the method of the copy. */
function sourceError(error: S3Error): S3Error {
  if (error.code !== 'MethodNotAllowed') return error
  const message = 'The source of a copy request may not specifically refer to a delete marker by version id.'
  return new S3Error('InvalidRequest', { message, cause: error })
}

/**
 * Parses `[/]bucket/key[?versionId=id]`. Clients encode it differently: each part or the whole, including slashes, with a
 * space as `%20` or `+`. So the query is cut off first, then the rest is decoded and split at its first slash. A `?` or `+`
 * in a key must be encoded.
 */
function parseCopySource(text: string): { bucket: string; key: string; versionId: string | undefined } {
  const mark = text.indexOf('?')
  const path = mark < 0 ? text : text.slice(0, mark)
  const versionId = mark < 0 ? undefined : /^versionId=([^&]+)$/.exec(text.slice(mark + 1))?.[1]
  const decoded = decodeCopySource(path)
  if (decoded === undefined) throw invalidCopySource(text, 'Invalid copy source encoding.')
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decoded) ?? []
  if (bucket === undefined || key === undefined || (mark >= 0 && versionId === undefined)) {
    throw invalidCopySource(text, 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey')
  }
  return { bucket, key: requireKeyLength(key), versionId }
}

function invalidCopySource(value: string, message: string): S3Error {
  return invalidArgument('x-amz-copy-source', { value, message })
}

/** Undefined if it is not UTF-8. Node reads headers as Latin-1, and some clients send non-ASCII bytes unencoded. */
function decodeCopySource(path: string): string | undefined {
  const escaped = path.replaceAll('+', ' ').replace(/[\x80-\xff]/g, (byte) => percentByte(byte.charCodeAt(0)))
  try {
    return decodeURIComponent(escaped)
  } catch {
    return undefined
  }
}
