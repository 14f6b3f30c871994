import { invalidArgument } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import type { Claim, ClaimOptions } from './claim.js'
import { missingDate, parseDateHeader, parseTimestamp, requireSmallSkew } from './time.js'
import { v2Claim } from './v2.js'

/** Reads a V2 signature from the Authorization header (`AWS key:signature`). */
export function readV2Header(request: HttpRequest, authorization: string, options: ClaimOptions): Claim {
  const text = authorization.slice('AWS '.length).trim()
  const colon = text.lastIndexOf(':')
  if (colon < 1) {
    throw invalidArgument('Authorization', {
      message: 'AWS authorization header is invalid.  Expected AwsAccessKeyId:signature',
    })
  }
  const amzDate = header(request, 'x-amz-date')
  const date = amzDate ?? header(request, 'date') ?? ''
  const timestamp = parseDateHeader(date) ?? parseTimestamp(date)
  if (timestamp === undefined) throw missingDate()
  requireSmallSkew(timestamp, options.now)
  return v2Claim(
    request,
    {
      accessKeyId: text.slice(0, colon),
      signature: text.slice(colon + 1),
      dateLine: amzDate === undefined ? date : '',
      virtualHostBucket: options.virtualHostBucket,
      headersInQuery: false,
    },
    options.diagnose,
  )
}
