import { S3Error } from './errors.js'
import type { AuthConfig } from './options.js'
import { PfsError } from './pfs/errors.js'
import type { Identity } from './signature/authenticate.js'

/** Pachyderm refuses a token that the client never sent; names whose it is, for the operator. */
export class ServiceTokenError extends Error {
  override readonly name = 'ServiceTokenError'
}

/**
 * The error of a request whose token comes from the configuration. The client cannot mend that token, so it gets
 * AccessDenied, with a ServiceTokenError as the cause; any other error is returned as it is. In mode 'pachyderm' the
 * token is the client's own.
 */
export function withoutServiceToken(error: S3Error, mode: AuthConfig['mode'], { accessKeyId }: Identity): S3Error {
  const { cause } = error
  if (mode === 'pachyderm' || !(cause instanceof PfsError) || !cause.isOfToken) return error
  const owner = accessKeyId === undefined ? "mode 'none'" : `access key ${JSON.stringify(accessKeyId)}`
  const reason =
    cause.refusal === 'no-token' ? `${owner} has no authToken` : `Pachyderm does not accept the authToken of ${owner}`
  return new S3Error('AccessDenied', { cause: new ServiceTokenError(`${reason}: ${cause.message}`, { cause }) })
}
