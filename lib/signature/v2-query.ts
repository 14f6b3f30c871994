import { S3Error } from '../errors.js'
import { type HttpRequest, queryValue } from '../http/request.js'
import type { Claim, ClaimOptions } from './claim.js'
import { isoSeconds } from './time.js'
import { v2Claim } from './v2.js'

/** Reads a V2 signature from the query of a presigned URL (`AWSAccessKeyId`, `Expires`, `Signature`). */
export function readV2Query(request: HttpRequest, options: ClaimOptions): Claim {
  const accessKeyId = queryValue(request, 'AWSAccessKeyId')
  const expires = queryValue(request, 'Expires')
  const signature = queryValue(request, 'Signature')
  if (!accessKeyId || !expires || !signature) {
    throw denied('Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters')
  }
  if (!/^\d{1,12}$/.test(expires)) throw denied(`Invalid date (should be seconds since epoch): ${expires}`)
  const end = Number(expires) * 1000
  if (options.now.getTime() > end) {
    throw denied('Request has expired', { Expires: isoSeconds(end), ServerTime: isoSeconds(options.now.getTime()) })
  }
  return v2Claim(
    request,
    {
      accessKeyId,
      signature,
      dateLine: expires,
      virtualHostBucket: options.virtualHostBucket,
      headersInQuery: true,
    },
    options.diagnose,
  )
}

function denied(message: string, fields: Record<string, string> = {}): S3Error {
  return new S3Error('AccessDenied', { message, fields })
}
