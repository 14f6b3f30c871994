import { S3Error } from '../errors.js'
import { parseHttpDate } from './date.js'
import { type HttpRequest, header } from './request.js'

/** The properties of an object that the conditions of a read compare. */
export interface Validators {
  /** The entity tags of the content, with their quotes. */
  readonly etags: readonly string[]
  readonly lastModified: Date
}

type Conditional = Pick<HttpRequest, 'headers'>

/** A condition of a read, in the spelling of its header. */
type Condition = 'If-Match' | 'If-Unmodified-Since' | 'If-None-Match' | 'If-Modified-Since'

/**
 * Checks `If-Match`, `If-Unmodified-Since`, `If-None-Match` and `If-Modified-Since` against an object. Returns
 * 'not-modified' if the client has it already.
 *
 * @throws S3Error PreconditionFailed
 */
export function readCondition(request: Conditional, object: Validators): 'send' | 'not-modified' {
  const failed = failedCondition(request, object, '')
  if (failed === undefined) return 'send'
  if (failed === 'If-None-Match' || failed === 'If-Modified-Since') return 'not-modified'
  throw preconditionFailed(failed)
}

/**
 * Checks `x-amz-copy-source-if-match` and its relatives against the source of a copy.
 *
 * @throws S3Error PreconditionFailed, which names the header
 */
export function requireSourceCondition(request: Conditional, source: Validators): void {
  const prefix = 'x-amz-copy-source-'
  const failed = failedCondition(request, source, prefix)
  if (failed !== undefined) throw preconditionFailed(prefix + failed)
}

/** The first condition that fails, in the order of RFC 9110, 13.2.2; `prefix` precedes the name of each header. */
function failedCondition(request: Conditional, object: Validators, prefix: string): Condition | undefined {
  const ifMatch = header(request, `${prefix}if-match`)
  if (ifMatch !== undefined) {
    if (!matchesEtag(ifMatch, object.etags)) return 'If-Match'
  } else {
    const unmodifiedSince = parseHttpDate(header(request, `${prefix}if-unmodified-since`))
    if (unmodifiedSince !== undefined && seconds(object.lastModified) > seconds(unmodifiedSince)) {
      return 'If-Unmodified-Since'
    }
  }
  const ifNoneMatch = header(request, `${prefix}if-none-match`)
  if (ifNoneMatch !== undefined) return matchesEtag(ifNoneMatch, object.etags) ? 'If-None-Match' : undefined
  const modifiedSince = parseHttpDate(header(request, `${prefix}if-modified-since`))
  if (modifiedSince === undefined || modifiedSince.getTime() > Date.now()) return undefined
  return seconds(object.lastModified) <= seconds(modifiedSince) ? 'If-Modified-Since' : undefined
}

/** Whether a list of entity tags is `*` or has one of these; quotes may be missing, as S3 allows. Linear in the list. */
export function matchesEtag(list: string, etags: readonly string[]): boolean {
  return etags.some((etag) => hasTag(list, etag.replaceAll('"', ''))) || hasTag(list, '*')
}

/** Compares only where the text of the tag occurs: a list may be a megabyte of commas. */
function hasTag(list: string, tag: string): boolean {
  for (let start = list.indexOf(tag); start >= 0; start = list.indexOf(tag, start + 1)) {
    let before = start
    while (list[before - 1] === '"') before -= 1
    if (before >= 2 && list.startsWith('W/', before - 2)) before -= 2
    while (isSpace(list[before - 1])) before -= 1
    let behind = start + tag.length
    while (list[behind] === '"') behind += 1
    while (isSpace(list[behind])) behind += 1
    if ((before === 0 || list[before - 1] === ',') && (behind === list.length || list[behind] === ',')) return true
  }
  return false
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

/** The error of a failed condition; `condition` is its header in S3's spelling. */
export function preconditionFailed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', { fields: { Condition: condition } })
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
