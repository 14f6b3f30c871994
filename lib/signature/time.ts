import { S3Error } from '../errors.js'
import { parseHttpDate, parseIsoDate } from '../http/date.js'

/** The time of a signature. */
export interface Timestamp {
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly text: string
  /** Milliseconds since 1970. */
  readonly time: number
}

/** Maximum clock skew of a client: 15 minutes, in milliseconds. */
export const maxSkew = 15 * 60 * 1000

/** Parses `YYYYMMDDTHHMMSSZ`; undefined if it is not a valid date. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const pattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
  if (!pattern.test(text)) return undefined
  const time = parseIsoDate(text.replace(pattern, '$1-$2-$3T$4:$5:$6Z'))?.getTime()
  return time === undefined ? undefined : { text, time }
}

/** Parses an HTTP date; undefined if it is invalid or, as for S3, before 1970. */
export function parseDateHeader(text: string): Timestamp | undefined {
  const time = parseHttpDate(text)?.getTime()
  return time === undefined || time < 0 ? undefined : { text: timestampText(time), time }
}

/** Formats a time for the fields of an error, to the second. */
export function isoSeconds(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Throws RequestTimeTooSkewed if a request was signed too long before or after now. */
export function requireSmallSkew(signedAt: Timestamp, now: Date): void {
  if (Math.abs(now.getTime() - signedAt.time) <= maxSkew) return
  throw new S3Error('RequestTimeTooSkewed', {
    fields: {
      RequestTime: signedAt.text,
      ServerTime: isoSeconds(now.getTime()),
      MaxAllowedSkewMilliseconds: String(maxSkew),
    },
  })
}

/** AccessDenied for a request without a valid date. */
export function missingDate(): S3Error {
  return new S3Error('AccessDenied', { message: 'AWS authentication requires a valid Date or x-amz-date header' })
}

function timestampText(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
