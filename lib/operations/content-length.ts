import { S3Error } from '../errors.js'
import { header } from '../http/request.js'
import type { Call } from './call.js'

/** Throws MissingContentLength for a request that says neither how long its body is nor that it will not say. */
export function requireContentLength({ request, body }: Call): void {
  if (body.length === undefined && header(request, 'transfer-encoding') === undefined) {
    throw new S3Error('MissingContentLength')
  }
}
