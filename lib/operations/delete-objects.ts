import type { Change } from '../commits/change.js'
import { createTimeSlice } from '../concurrency.js'
import { invalidArgument, S3Error } from '../errors.js'
import { requireKeyLength } from '../http/address.js'
import { parseHttpDate, parseIsoDate } from '../http/date.js'
import { matchesEtag, preconditionFailed } from '../http/preconditions.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { xmlResponse } from '../http/response.js'
import { malformedXml, readXml, type XmlContent, type XmlShape, xmlDocument } from '../http/xml.js'
import { PfsError } from '../pfs/errors.js'
import type { StoredObject } from '../resolver/object.js'
import { s3ErrorFrom } from '../resolver/s3-error.js'
import { type BucketCall, immutableVersion, type ObjectCall, requireWritable } from './call.js'
import { commitChange, currentObject } from './write.js'

/** DeleteObject: the next commit is without the key, which is what S3 calls a delete marker. */
export async function deleteObject(call: ObjectCall): Promise<S3Response> {
  const { gateway, request, bucket, key } = call
  requireWritable(bucket)
  if (queryValue(request, 'versionId') !== undefined) throw immutableVersion()
  const expected = readExpectedObject(request)
  const { commitId } = await commitChange(call, {
    path: gateway.keys.pathFromKey(key),
    ...(isExpecting(expected) && {
      condition: async (current) =>
        requireExpectedObject(current && (await currentObject(call, current)), expected, key),
    }),
  })
  return { status: 204, headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': commitId } }
}

const maxKeys = 1000

/** Room for 1,000 keys of 1,024 bytes that are all written as character references. */
const maxDeleteBytes = 8 * 1024 * 1024

/** DeleteObjects: all keys in one commit, each with an answer of its own. */
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

/** An object that was named, and why it is not deleted where that is known. */
interface Plan extends NamedObject {
  /** Undefined where the key cannot be a path, so that it is not there to be deleted. */
  readonly path: string | undefined
  refusal: unknown
}

/** A key that is named twice is deleted once. */
async function deleteEach(call: BucketCall, objects: readonly NamedObject[]): Promise<readonly Result[]> {
  const { gateway, bucket, options } = call
  const plans: Plan[] = []
  const rest = createTimeSlice()
  for (const object of objects) {
    await rest()
    plans.push(planOf(call, object))
  }
  const byPath = new Map<string, Plan[]>()
  for (const plan of plans) {
    if (plan.path !== undefined) byPath.set(plan.path, [...(byPath.get(plan.path) ?? []), plan])
  }
  const changes = [...byPath].map(([path, named]) => ({ path, ...conditionOf(call, named) }))
  const outcomes = await gateway.commits.commit(bucket.branch, changes, options)
  const refusals = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined))
  if (refusals.length > 0 && refusals.every(isOfRequest)) throw refusals[0]
  const outcomeOf = new Map(changes.map(({ path }, index) => [path, outcomes[index]]))
  return plans.map(({ key, versionId, path, refusal }) => {
    const outcome = path === undefined ? undefined : outcomeOf.get(path)
    if (refusal === undefined && outcome?.status === 'fulfilled') {
      return { deleted: { Key: key, DeleteMarker: true, DeleteMarkerVersionId: outcome.value.commitId } }
    }
    const reason = refusal ?? (outcome?.status === 'rejected' ? outcome.reason : undefined)
    return failed(key, versionId, s3ErrorFrom(reason, { kind: 'object', bucket: bucket.name, key }))
  })
}

/** Whether a refusal is of no key, but of the bucket, of the caller's token, or of PFS as it is now. */
function isOfRequest(reason: unknown): boolean {
  if (!(reason instanceof PfsError)) return false
  const isBucket = reason.missing !== undefined && reason.missing !== 'file'
  return (
    isBucket || reason.isOfToken || ['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED'].includes(reason.status)
  )
}

function planOf({ gateway }: BucketCall, object: NamedObject): Plan {
  try {
    if (object.versionId !== undefined) throw immutableVersion()
    return { ...object, path: gateway.keys.pathFromKey(requireKeyLength(object.key)), refusal: undefined }
  } catch (refusal) {
    return { ...object, path: undefined, refusal }
  }
}

/** The path is deleted where one of those who named it is content with what is there; the others are refused. */
function conditionOf(call: BucketCall, named: readonly Plan[]): Pick<Change, 'condition'> {
  if (!named.some(({ expected }) => isExpecting(expected))) return {}
  return {
    condition: async (info) => {
      const current = info && (await currentObject(call, info))
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

/** What an object must be to be deleted; what is undefined may be anything. */
interface ExpectedObject {
  /** A list of entity tags, or `*`. */
  readonly etag: string | undefined
  readonly size: number | undefined
  /** To the second, as HTTP writes it. */
  readonly lastModified: Date | undefined
}

/** The conditions as a client sends them. */
interface ExpectedText {
  readonly etag: string | undefined
  readonly size: string | undefined
  readonly lastModified: string | undefined
}

/** `ETag`, `Size` and `LastModifiedTime` of an object of DeleteObjects; throws InvalidArgument for what does not parse. */
export function parseExpectedObject(text: ExpectedText): ExpectedObject {
  // Of either form: SDKs write it as in a header, though other dates in XML are of ISO 8601.
  return expectedObject(text, parseHttpDate(text.lastModified) ?? parseIsoDate(text.lastModified ?? ''))
}

function expectedObject(text: ExpectedText, lastModified: Date | undefined): ExpectedObject {
  if (text.lastModified !== undefined && lastModified === undefined) {
    throw invalidArgument('LastModifiedTime', { value: text.lastModified })
  }
  if (text.size !== undefined && !/^\d{1,15}$/.test(text.size)) throw invalidArgument('Size', { value: text.size })
  return { etag: text.etag, size: text.size === undefined ? undefined : Number(text.size), lastModified }
}

/** `If-Match`, `x-amz-if-match-size` and `x-amz-if-match-last-modified-time` of DeleteObject; throws InvalidArgument. */
export function readExpectedObject(request: Pick<HttpRequest, 'headers'>): ExpectedObject {
  const lastModified = header(request, 'x-amz-if-match-last-modified-time')
  const text = { etag: header(request, 'if-match'), size: header(request, 'x-amz-if-match-size'), lastModified }
  return expectedObject(text, parseHttpDate(lastModified))
}

/** Whether anything at all is expected; if not, the object need not be looked at. */
function isExpecting({ etag, size, lastModified }: ExpectedObject): boolean {
  return etag !== undefined || size !== undefined || lastModified !== undefined
}

/**
 * Throws where the object is not the expected one: PreconditionFailed, or NoSuchKey for an entity tag of nothing. Size
 * and time hold for an object that is not there, which is as deleted as it can be. The time is the one that HeadObject
 * answers.
 */
function requireExpectedObject(current: StoredObject | undefined, expected: ExpectedObject, key: string): void {
  const { etag, size, lastModified } = expected
  if (current === undefined) {
    if (etag !== undefined) throw new S3Error('NoSuchKey', { fields: { Key: key } })
    return
  }
  if (etag !== undefined && !matchesEtag(etag, current.etag)) throw preconditionFailed('If-Match')
  if (size !== undefined && size !== current.size) throw preconditionFailed('x-amz-if-match-size')
  if (lastModified !== undefined && !isSameSecond(lastModified, current.lastModified)) {
    throw preconditionFailed('x-amz-if-match-last-modified-time')
  }
}

function isSameSecond(a: Date, b: Date): boolean {
  return Math.floor(a.getTime() / 1000) === Math.floor(b.getTime() / 1000)
}
