import { queryValue } from '../http/request.js'
import type { StoredObject } from '../resolver/object.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import type { ObjectCall } from './call.js'

/** Asks PFS for the object, or the version of it, that a request is about; throws as `resolveVersion` does. */
export async function resolveNamedObject({
  gateway,
  request,
  bucket,
  key,
  options,
}: ObjectCall): Promise<StoredObject> {
  const name = { bucket, path: gateway.keys.pathFromKey(key), versionId: queryValue(request, 'versionId') }
  return resolveVersion(gateway, name, options)
}
