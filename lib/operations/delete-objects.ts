import type { Change } from '../commits/change.js'
import { yieldTurn } from '../concurrency.js'
import { S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { queryValue } from '../http/request.js'
import { type S3Response, xmlResponse } from '../http/response.js'
import { malformedXml, readXml, type XmlContent, type XmlShape, xmlDocument } from '../http/xml.js'
import { PfsError } from '../pfs/errors.js'
import type { StoredObject } from '../resolver/object.js'
import { s3ErrorFrom } from '../resolver/s3-error.js'
import { type BucketCall, type ObjectCall, requireWritable } from './call.js'
import {
  type ExpectedObject,
  isExpecting,
  parseExpectedObject,
  readExpectedObject,
  requireExpectedObject,
} from './delete-condition.js'
import { deleteVersions } from './delete-versions.js'
import { recordMarkerEnds, withMarker } from './directory-marker.js'
import type { NamedVersion } from './version-batches.js'
import { currentObject, deleteKey } from './write.js'

/**
 * DeleteObject: makes a commit without the key, which S3 calls a delete marker. With a version id, hides that version.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
 */
export async function deleteObject(call: ObjectCall): Promise<S3Response> {
  const { gateway, request, bucket, key } = call
  requireWritable(bucket)
  const versionId = queryValue(request, 'versionId')
  const expected = readExpectedObject(request)
  if (versionId !== undefined) return deleteVersion(call, versionId, expected)
  const committed = await deleteKey(call, {
    path: gateway.keys.pathFromKey(key),
    ...(isExpecting(expected) && {
      condition: async (current) =>
        requireExpectedObject(current && (await currentObject(call, current, expected.etag)), expected, key),
    }),
  })
  return { status: 204, headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': committed.commitId } }
}

async function deleteVersion(call: ObjectCall, versionId: string, expected: ExpectedObject): Promise<S3Response> {
  const { gateway, key } = call
  const named = { key, path: gateway.keys.pathFromKey(key), versionId, expected }
  const [outcome] = await deleteVersions(call, [named])
  if (outcome?.status === 'rejected') throw outcome.reason
  const isMarker = outcome?.value.isMarker === true
  return { status: 204, headers: { 'x-amz-version-id': versionId, ...(isMarker && { 'x-amz-delete-marker': 'true' }) } }
}

const maxKeys = 1000

/** Maximum size of the document in bytes: 1,000 keys of 1,024 bytes, all written as character references. */
const maxDeleteBytes = 8 * 1024 * 1024

/**
 * DeleteObjects: deletes all keys in one commit and hides all versions in another; the result lists each of them.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
 */
export async function deleteObjects(call: BucketCall): Promise<S3Response> {
  requireWritable(call.bucket)
  const { quiet, objects } = await readDelete(call)
  const results = await deleteEach(call, objects)
  return xmlResponse(
    xmlDocument('DeleteResult', {
      Deleted: quiet ? [] : results.map(({ deleted }) => deleted),
      Error: results.map(({ error }) => error),
    }),
  )
}

interface NamedObject {
  readonly key: string
  readonly versionId: string | undefined
  readonly expected: ExpectedObject
}

interface Result {
  readonly deleted?: XmlContent
  readonly error?: XmlContent
}

async function readDelete(call: BucketCall): Promise<{ quiet: boolean; objects: readonly NamedObject[] }> {
  const objects: NamedObject[] = []
  let quiet = false
  const object: XmlShape = {
    texts: ['Key', 'VersionId', 'ETag', 'Size', 'LastModifiedTime'],
    onStart: () => {
      if (objects.length === maxKeys) throw malformedXml()
    },
    onEnd: (texts) => objects.push(parseObject(texts)),
  }
  const shape: XmlShape = {
    texts: ['Quiet'],
    elements: { Object: object },
    onEnd: (texts) => {
      quiet = texts.get('Quiet')?.trim().toLowerCase() === 'true'
    },
  }
  const isThere = await readXml(call, 'Delete', shape, maxDeleteBytes)
  if (!isThere) throw new S3Error('MissingRequestBodyError')
  if (objects.length === 0) throw malformedXml()
  return { quiet, objects }
}

function parseObject(texts: ReadonlyMap<string, string>): NamedObject {
  const key = texts.get('Key')
  if (key === undefined || key === '') throw malformedXml()
  const expected = parseExpectedObject({
    etag: texts.get('ETag'),
    size: texts.get('Size'),
    lastModified: texts.get('LastModifiedTime'),
  })
  return { key, versionId: texts.get('VersionId'), expected }
}

/** An object to delete, and the reason if it is refused. */
interface Plan extends NamedObject {
  /** Undefined if the key cannot be a path, so that such an object cannot exist. */
  readonly path: string | undefined
  refusal: unknown
}

/** Deletes a key once, even if it is named twice. */
async function deleteEach(call: BucketCall, objects: readonly NamedObject[]): Promise<readonly Result[]> {
  const { gateway, bucket, options } = call
  const plans: Plan[] = []
  for (const object of objects) {
    await yieldTurn()
    plans.push(planOf(call, object))
  }
  const byPath = new Map<string, Plan[]>()
  for (const plan of plans) {
    if (plan.path !== undefined && plan.versionId === undefined)
      byPath.set(plan.path, [...(byPath.get(plan.path) ?? []), plan])
  }
  const changes = [...byPath].map(([path, named]) => withMarker(call, { path, ...conditionOf(call, named) }))
  const outcomes = changes.length === 0 ? [] : await gateway.commits.commit(bucket.branch, changes, options)
  const refusals = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined))
  if (refusals.length > 0 && refusals.every(isOfRequest)) throw refusals[0]
  const outcomeOf = new Map(changes.map(({ path }, index) => [path, outcomes[index]]))
  const committed = changes.flatMap(({ path }, index) => {
    const outcome = outcomes[index]
    return outcome?.status === 'fulfilled' ? [[path, outcome.value] as const] : []
  })
  await recordMarkerEnds(call, new Map(committed), 'removed')
  const versions = await deleteEachVersion(call, plans)
  return plans.map((plan) => {
    const { key, versionId, path, refusal } = plan
    const version = versions.get(plan)
    if (version !== undefined) return version
    const outcome = path === undefined ? undefined : outcomeOf.get(path)
    if (refusal === undefined && outcome?.status === 'fulfilled') {
      return { deleted: { Key: key, DeleteMarker: true, DeleteMarkerVersionId: outcome.value.commitId } }
    }
    const reason = refusal ?? (outcome?.status === 'rejected' ? outcome.reason : undefined)
    return failed(key, versionId, s3ErrorFrom(reason, { kind: 'object', bucket: bucket.name, key }))
  })
}

/** Deletes the objects with a version id; returns the result of each. */
async function deleteEachVersion(call: BucketCall, plans: readonly Plan[]): Promise<ReadonlyMap<Plan, Result>> {
  const named = plans.filter(isOfVersion)
  if (named.length === 0) return new Map()
  const outcomes = await deleteVersions(call, named).catch((reason: unknown) => {
    if (isOfRequest(reason)) throw reason
    return named.map(() => ({ status: 'rejected' as const, reason }))
  })
  const results = named.map((plan, index): [Plan, Result] => {
    const { key, versionId } = plan
    const outcome = outcomes[index]
    if (outcome?.status !== 'fulfilled') {
      const error = s3ErrorFrom(outcome?.reason, { kind: 'object', bucket: call.bucket.name, key })
      return [plan, failed(key, versionId, error)]
    }
    const marker = outcome.value.isMarker && { DeleteMarker: true, DeleteMarkerVersionId: versionId }
    return [plan, { deleted: { Key: key, VersionId: versionId, ...marker } }]
  })
  return new Map(results)
}

function isOfVersion(plan: Plan): plan is Plan & NamedVersion {
  return plan.path !== undefined && plan.versionId !== undefined
}

/** Whether a refusal concerns the whole request: the bucket, the caller's token, or the state of PFS. */
function isOfRequest(reason: unknown): boolean {
  if (!(reason instanceof PfsError)) return false
  const isBucket = reason.missing !== undefined && reason.missing !== 'file'
  return (
    isBucket || reason.isOfToken || ['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED'].includes(reason.status)
  )
}

function planOf({ gateway }: BucketCall, object: NamedObject): Plan {
  try {
    return { ...object, path: gateway.keys.pathFromKey(requireKeyLength(object.key)), refusal: undefined }
  } catch (refusal) {
    return { ...object, path: undefined, refusal }
  }
}

/** Deletes the path if the object meets the conditions of at least one entry; refuses the others. */
function conditionOf(call: BucketCall, named: readonly Plan[]): Pick<Change, 'condition'> {
  if (!named.some(({ expected }) => isExpecting(expected))) return {}
  return {
    condition: async (info) => {
      const etags = named.flatMap(({ expected }) => expected.etag ?? []).join()
      const current = info && (await currentObject(call, info, etags))
      for (const plan of named) plan.refusal = refusalOf(current, plan)
      if (named.every(({ refusal }) => refusal !== undefined)) throw named[0]?.refusal
    },
  }
}

function refusalOf(current: StoredObject | undefined, { expected, key }: NamedObject): unknown {
  try {
    requireExpectedObject(current, expected, key)
    return undefined
  } catch (refusal) {
    return refusal
  }
}

function failed(key: string, versionId: string | undefined, { code, message }: S3Error): Result {
  return { error: { Key: key, VersionId: versionId, Code: code, Message: message } }
}
