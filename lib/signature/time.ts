import { S3Error } from '../errors.js'

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
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (parts === null) return undefined
  const [year, month, day, hour, minute, second] = parts.slice(1)
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Date.parse moves 31 February into March; the round trip tells.
  if (Number.isNaN(time) || timestampText(time) !== text) return undefined
  return { text, time }
}

/** Reads the date of an HTTP header, as RFC 1123 writes it or with a numeric zone; undefined where it is none. */
export function parseHttpDate(text: string): Timestamp | undefined {
  if (!/^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})$/.test(text)) return undefined
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : { text: timestampText(time), time }
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
