import { S3Error } from '../errors.js'
import { header } from '../http/request.js'
import { type S3Response, xmlResponse } from '../http/response.js'
import { childText, malformedXml, readXml, type XmlElement } from '../http/xml-reader.js'
import { xmlDeclaration } from '../http/xml-writer.js'
import type { Call } from './call.js'
import { owner } from './owner.js'

/**
 * Whether a canned ACL gives the owner full control and nobody else anything. Rights are those of PFS on the repo, as in
 * a bucket of S3 whose ACLs are disabled, so that no other ACL can be kept.
 */
export function isOwnersAcl(canned: string): boolean {
  return canned === 'private' || canned === 'bucket-owner-full-control'
}

const instance = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'
const ownerElements = `<ID>${owner.ID}</ID><DisplayName>${owner.DisplayName}</DisplayName>`
const policy =
  `${xmlDeclaration}<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner>${ownerElements}</Owner>` +
  `<AccessControlList><Grant><Grantee ${instance}>${ownerElements}</Grantee><Permission>FULL_CONTROL</Permission></Grant>` +
  '</AccessControlList></AccessControlPolicy>'

/** The ACL of every bucket and object: its owner has full control. */
export function ownerHasFullControl(): S3Response {
  return xmlResponse(policy)
}

/** Throws AccessControlListNotSupported where a request for an ACL asks for another than there is. */
export async function requireOwnersPolicy({ request, body }: Call): Promise<void> {
  const root = await readXml(body)
  const canned = header(request, 'x-amz-acl')
  if ([...request.headers.keys()].some((name) => name.startsWith('x-amz-grant-'))) throw notSupported()
  if (canned !== undefined) {
    if (!isOwnersAcl(canned)) throw notSupported()
    return
  }
  if (root === undefined) throw new S3Error('MissingSecurityHeader')
  if (root.name !== 'AccessControlPolicy') throw malformedXml()
  const grants = child(root, 'AccessControlList')?.children ?? []
  if (grants.length === 0 || !grants.every(isOwners)) throw notSupported()
}

function isOwners(grant: XmlElement): boolean {
  const grantee = child(grant, 'Grantee')
  const id = grantee && childText(grantee, 'ID')
  return id?.trim() === owner.ID && childText(grant, 'Permission')?.trim() === 'FULL_CONTROL'
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((each) => each.name === name)
}

function notSupported(): S3Error {
  return new S3Error('AccessControlListNotSupported')
}
