import { invalidArgument, S3Error } from '../errors.js'
import { type HttpRequest, header } from '../http/request.js'
import { type S3Response, xmlResponse } from '../http/response.js'
import { readXml, xmlDeclaration } from '../http/xml.js'
import type { Call } from './call.js'

/** The owner in listings and ACLs, the same for everything: PFS has rights on repos, but no owners of files. */
export const owner = { ID: 'pachyderm', DisplayName: 'pachyderm' }

/** Throws AccessDenied if the client expects another owner of the bucket. */
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

const cannedAcls: ReadonlySet<string> = new Set([
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
  'log-delivery-write',
])

/**
 * Whether a canned ACL gives full control to the owner only. Rights are PFS's rights on the repo; as in a bucket of S3
 * whose ACLs are disabled, no other ACL can be stored.
 *
 * @throws S3Error InvalidArgument if S3 has no such ACL.
 */
export function isOwnersAcl(canned: string): boolean {
  if (!cannedAcls.has(canned)) throw invalidArgument('x-amz-acl', { value: canned })
  return canned === 'private' || canned === 'bucket-owner-full-control'
}

const instance = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'
const ownerElements = `<ID>${owner.ID}</ID><DisplayName>${owner.DisplayName}</DisplayName>`
const policy =
  `${xmlDeclaration}<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner>${ownerElements}</Owner>` +
  `<AccessControlList><Grant><Grantee ${instance}>${ownerElements}</Grantee><Permission>FULL_CONTROL</Permission></Grant>` +
  '</AccessControlList></AccessControlPolicy>'

/**
 * GetBucketAcl and GetObjectAcl: the owner has full control.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAcl.html
 */
export function ownerHasFullControl(): S3Response {
  return xmlResponse(policy)
}

/**
 * PutBucketAcl and PutObjectAcl: accept only the ACL that everything has. Throws AccessControlListNotSupported for any
 * other ACL.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html
 */
export async function requireOwnersPolicy(call: Call): Promise<void> {
  const { request } = call
  const policy = await readPolicy(call)
  const canned = header(request, 'x-amz-acl')
  if ([...request.headers.keys()].some((name) => name.startsWith('x-amz-grant-'))) throw notSupported()
  if (canned !== undefined) {
    if (!isOwnersAcl(canned)) throw notSupported()
    return
  }
  if (policy === undefined) throw new S3Error('MissingSecurityHeader')
  if (policy !== "the owner's") throw notSupported()
}

/** Whether the policy in the body grants full control to the owner only; undefined without a body. */
async function readPolicy(call: Call): Promise<"the owner's" | 'another' | undefined> {
  let isGranted = false
  let isOthers = false
  let grantee: string | undefined
  const isThere = await readXml(call, 'AccessControlPolicy', {
    elements: {
      Owner: { texts: ['ID', 'DisplayName'] },
      AccessControlList: {
        elements: {
          Grant: {
            texts: ['Permission'],
            elements: {
              Grantee: {
                texts: ['ID', 'DisplayName', 'EmailAddress', 'URI', 'Type'],
                onEnd: (texts) => {
                  grantee = texts.get('ID')?.trim()
                },
              },
            },
            onEnd: (texts) => {
              const isOwners = grantee === owner.ID && texts.get('Permission')?.trim() === 'FULL_CONTROL'
              if (isOwners) isGranted = true
              else isOthers = true
              grantee = undefined
            },
          },
        },
      },
    },
  })
  if (!isThere) return undefined
  return isGranted && !isOthers ? "the owner's" : 'another'
}

function notSupported(): S3Error {
  return new S3Error('AccessControlListNotSupported')
}
