import { S3Error } from '../errors.js'
import { parseHttpDate } from './date.js'
import { type HttpRequest, header } from './request.js'

/** What the conditions of a read are held against. */
export interface Validators {
  /** With its quotes. */
  readonly etag: string
  readonly lastModified: Date
}

type Conditional = Pick<HttpRequest, 'headers'>

/**
 * Holds `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since` (with `prefix` before each, as in
 * `x-amz-copy-source-`) against an object in the order of RFC 9110, 13.2.2. 'not-modified' where the client has it
 * already; throws PreconditionFailed.
 */
export function readCondition(request: Conditional, object: Validators, prefix = ''): 'send' | 'not-modified' {
  const ifMatch = header(request, `${prefix}if-match`)
  if (ifMatch !== undefined) {
    if (!matchesEtag(ifMatch, object.etag)) throw preconditionFailed('If-Match')
  } else {
    const unmodifiedSince = parseHttpDate(header(request, `${prefix}if-unmodified-since`))
    if (unmodifiedSince !== undefined && seconds(object.lastModified) > seconds(unmodifiedSince)) {
      throw preconditionFailed('If-Unmodified-Since')
    }
  }
  const ifNoneMatch = header(request, `${prefix}if-none-match`)
  if (ifNoneMatch !== undefined) return matchesEtag(ifNoneMatch, object.etag) ? 'not-modified' : 'send'
  const modifiedSince = parseHttpDate(header(request, `${prefix}if-modified-since`))
  if (modifiedSince === undefined || modifiedSince.getTime() > Date.now()) return 'send'
  return seconds(object.lastModified) <= seconds(modifiedSince) ? 'not-modified' : 'send'
}

/** Whether a list of entity tags, or `*`, has this one; quotes may be missing, as S3 allows. */
export function matchesEtag(list: string, etag: string): boolean {
  return list.split(',').some((item) => {
    const tag = item.trim().replace(/^W\//, '')
    return tag === '*' || tag.replaceAll('"', '') === etag.replaceAll('"', '')
  })
}

/** The answer to a condition that does not hold. */
export function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', { fields: { Condition: condition } })
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
