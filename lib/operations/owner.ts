import { S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'

/** The owner that listings and ACLs name: PFS has rights on repos and no owner of a file. */
export const owner = { ID: 'pachyderm', DisplayName: 'pachyderm' }

/** Throws AccessDenied if a client expects another owner of the bucket than the one that the gateway names. */
export function requireExpectedOwner(
  request: Pick<HttpRequest, 'headers'>,
  name: 'x-amz-expected-bucket-owner' | 'x-amz-source-expected-bucket-owner',
): void {
  const expected = header(request, name)
  if (expected === undefined || expected === owner.ID) return
  throw new S3Error('AccessDenied', {
    message: `Access Denied: the owner of the bucket is ${owner.ID}.`,
    fields: { Header: name },
  })
}
