import { S3Error } from '../errors.js'
import { parseHttpDate, parseIsoDate } from '../http/date.js'

/** An instant as a signature writes it. */
export interface Timestamp {
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly text: string
  /** Milliseconds since 1970. */
  readonly time: number
}

/** How far a client's clock may be off: 15 minutes, in milliseconds. */
export const maxSkew = 15 * 60 * 1000

/** Reads `YYYYMMDDTHHMMSSZ`; undefined where that is no date of the calendar. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const pattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
  if (!pattern.test(text)) return undefined
  const time = parseIsoDate(text.replace(pattern, '$1-$2-$3T$4:$5:$6Z'))?.getTime()
  return time === undefined ? undefined : { text, time }
}

/** Reads the date of an HTTP header; undefined where it is none. */
export function parseDateHeader(text: string): Timestamp | undefined {
  const time = parseHttpDate(text)?.getTime()
  return time === undefined ? undefined : { text: timestampText(time), time }
}

/** An instant for an error's fields, to the second. */
export function isoSeconds(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Throws RequestTimeTooSkewed where a request was signed too long before or after now. */
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

/** AccessDenied for a request that is dated by none of the headers that may. */
export function missingDate(): S3Error {
  return new S3Error('AccessDenied', { message: 'AWS authentication requires a valid Date or x-amz-date header' })
}

function timestampText(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
