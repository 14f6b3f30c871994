import { xmlResponse } from '../http/response.js'
import { xmlDocument } from '../http/xml-writer.js'
import type { BucketCall, Operation } from './call.js'
import { requireListable } from './listable.js'

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
