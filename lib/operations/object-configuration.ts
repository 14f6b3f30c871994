import { S3Error } from '../errors.js'
import { queryValue } from '../http/request.js'
import { xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml-writer.js'
import type { StoredObject } from '../resolver/object.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import { ownerHasFullControl, requireOwnersPolicy } from './access-control.js'
import type { ObjectCall, Operation } from './call.js'
import { requireWritable } from './writable.js'

/** What clients ask for about an object beside its content, as of one that has nothing of it, by subresource and method. */
export const objectConfiguration: Readonly<Record<string, Operation<ObjectCall>>> = {
  'acl GET': async (call) => {
    await requireObject(call)
    return ownerHasFullControl()
  },
  'acl PUT': async (call) => {
    requireWritable(call.bucket)
    await requireObject(call)
    await requireOwnersPolicy(call)
    return { status: 200 }
  },
  'legal-hold GET': refuseLock,
  'legal-hold PUT': refuseLock,
  'retention GET': refuseLock,
  'retention PUT': refuseLock,
  'tagging GET': async (call) => {
    const { versionId } = await requireObject(call)
    return xmlResponse(xmlDocument('Tagging', { TagSet: '' }), { 'x-amz-version-id': versionId })
  },
}

/** The object, or its version, that the caller may see; throws where there is none. */
function requireObject({ gateway, request, bucket, key, options }: ObjectCall): Promise<StoredObject> {
  const name = { bucket, path: gateway.keys.pathFromKey(key), versionId: queryValue(request, 'versionId') }
  return resolveVersion(gateway, name, options)
}

async function refuseLock(call: ObjectCall): Promise<never> {
  await requireObject(call)
  throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' })
}
