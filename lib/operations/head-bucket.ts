import { xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml-writer.js'
import { afterEveryPath } from '../pfs/path.js'
import { commitOf } from '../resolver/bucket-name.js'
import type { BucketCall, Operation } from './call.js'

/** HeadBucket. */
export const headBucket: Operation<BucketCall> = async (call) => {
  await requireListable(call)
  return { status: 200, headers: { 'x-amz-bucket-region': call.gateway.region } }
}

/** GetBucketLocation: the configured region; us-east-1 is written as nothing. */
export const getBucketLocation: Operation<BucketCall> = async (call) => {
  await requireListable(call)
  const { region } = call.gateway
  return xmlResponse(xmlDocument('LocationConstraint', region === 'us-east-1' ? '' : region))
}

/**
 * Throws where the bucket is not there or the caller may not list it. InspectBranch also shows branches that the caller
 * has no right on, so a page is asked for, from behind everything that could be on it.
 */
export async function requireListable({ gateway, bucket, options }: BucketCall): Promise<void> {
  const file = { commit: commitOf(bucket), path: '/' }
  const page = { file, paginationMarker: `/${afterEveryPath}`, number: 1 }
  for await (const _ of gateway.pfs.listFile(page, options));
}
