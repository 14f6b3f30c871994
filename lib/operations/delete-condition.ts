import { invalidArgument, S3Error } from '../errors.js'
import { isSameSecond, parseHttpDate, parseIsoDate } from '../http/date.js'
import { matchesEtag, preconditionFailed } from '../http/preconditions.js'
import { type HttpRequest, header } from '../http/request.js'
import type { StoredObject } from '../resolver/object.js'

/** The conditions of a deletion; undefined matches any object. */
export interface ExpectedObject {
  /** A list of entity tags, or `*`. */
  readonly etag: string | undefined
  readonly size: number | undefined
  /** With a precision of one second, as in HTTP. */
  readonly lastModified: Date | undefined
}

/** The conditions in the client's notation. */
interface ExpectedText {
  readonly etag: string | undefined
  readonly size: string | undefined
  readonly lastModified: string | undefined
}

/** Parses `ETag`, `Size` and `LastModifiedTime` of an object of DeleteObjects; throws InvalidArgument. */
export function parseExpectedObject(text: ExpectedText): ExpectedObject {
  // Either format: SDKs use that of HTTP headers, although other dates in XML are in ISO 8601.
  return expectedObject(text, parseHttpDate(text.lastModified) ?? parseIsoDate(text.lastModified ?? ''))
}

function expectedObject(text: ExpectedText, lastModified: Date | undefined): ExpectedObject {
  if (text.lastModified !== undefined && lastModified === undefined) {
    throw invalidArgument('LastModifiedTime', { value: text.lastModified })
  }
  if (text.size !== undefined && !/^\d{1,15}$/.test(text.size)) throw invalidArgument('Size', { value: text.size })
  return { etag: text.etag, size: text.size === undefined ? undefined : Number(text.size), lastModified }
}

/** Parses `If-Match`, `x-amz-if-match-size` and `x-amz-if-match-last-modified-time` of DeleteObject; throws InvalidArgument. */
export function readExpectedObject(request: Pick<HttpRequest, 'headers'>): ExpectedObject {
  const lastModified = header(request, 'x-amz-if-match-last-modified-time')
  const text = { etag: header(request, 'if-match'), size: header(request, 'x-amz-if-match-size'), lastModified }
  return expectedObject(text, parseHttpDate(lastModified))
}

/** Whether there is any condition; without one, the object need not be looked up. */
export function isExpecting({ etag, size, lastModified }: ExpectedObject): boolean {
  return etag !== undefined || size !== undefined || lastModified !== undefined
}

/**
 * Throws PreconditionFailed if the object does not meet the conditions, or NoSuchKey if an entity tag is expected and the
 * object is missing. A missing object meets conditions on size and time, since it is deleted already. The time is that of
 * HeadObject.
 */
export function requireExpectedObject(current: StoredObject | undefined, expected: ExpectedObject, key: string): void {
  const { etag, size, lastModified } = expected
  if (current === undefined) {
    if (etag !== undefined) throw new S3Error('NoSuchKey', { fields: { Key: key } })
    return
  }
  if (etag !== undefined && !matchesEtag(etag, current.etags)) throw preconditionFailed('If-Match')
  if (size !== undefined && size !== current.size) throw preconditionFailed('x-amz-if-match-size')
  if (lastModified !== undefined && !isSameSecond(lastModified, current.lastModified)) {
    throw preconditionFailed('x-amz-if-match-last-modified-time')
  }
}
