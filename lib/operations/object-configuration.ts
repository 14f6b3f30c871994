import { S3Error } from '../errors.js'
import { ownerHasFullControl, requireOwnersPolicy } from './access-control.js'
import type { ObjectCall, Operation } from './call.js'
import { resolveNamedObject } from './named-object.js'
import { requireWritable } from './writable.js'

/** What clients ask for about an object beside its content, as of one that has nothing of it, by subresource and method. */
export const objectConfiguration: Readonly<Record<string, Operation<ObjectCall>>> = {
  'acl GET': async (call) => {
    await resolveNamedObject(call)
    return ownerHasFullControl()
  },
  'acl PUT': async (call) => {
    requireWritable(call.bucket)
    await resolveNamedObject(call)
    await requireOwnersPolicy(call)
    return { status: 200 }
  },
  'legal-hold GET': refuseLock,
  'legal-hold PUT': refuseLock,
  'retention GET': refuseLock,
  'retention PUT': refuseLock,
}

async function refuseLock(call: ObjectCall): Promise<never> {
  await resolveNamedObject(call)
  throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' })
}
