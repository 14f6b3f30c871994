import { S3Error } from './errors.js'
import type { HttpRequest } from './http/request.js'
import { createBucket, deleteBucket, getBucketLocation, headBucket } from './operations/bucket.js'
import type { BucketCall, Call, ObjectCall, Operation } from './operations/call.js'
import { bucketConfiguration, objectConfiguration } from './operations/configuration.js'
import { copyObject } from './operations/copy-object.js'
import { deleteObject, deleteObjects } from './operations/delete-objects.js'
import { getObject, headObject } from './operations/get-object.js'
import { getObjectAttributes } from './operations/get-object-attributes.js'
import { listBuckets } from './operations/list-buckets.js'
import { listObjectVersions } from './operations/list-object-versions.js'
import { listObjects, listObjectsV2 } from './operations/list-objects.js'
import { completeMultipartUpload } from './operations/multipart/complete-multipart-upload.js'
import { listMultipartUploads } from './operations/multipart/list-multipart-uploads.js'
import { listParts } from './operations/multipart/list-parts.js'
import { abortMultipartUpload, createMultipartUpload } from './operations/multipart/multipart-upload.js'
import { uploadPart } from './operations/multipart/upload-part.js'
import { uploadPartCopy } from './operations/multipart/upload-part-copy.js'
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './operations/object-tagging.js'
import { putObject } from './operations/put-object.js'
import { actionNames, type Resource } from './s3-actions.js'
import { isFormPost } from './signature/post-policy.js'

/**
 * Operations by method. A subresource in the query precedes the method, as in `location GET`; several that belong together
 * are in alphabetical order, as in `partNumber+uploadId PUT`.
 */
type Table<C extends Call> = Readonly<Record<string, Operation<C>>>

const service: Table<Call> = {
  GET: listBuckets,
}

const bucket: Table<BucketCall> = {
  GET: listObjects,
  HEAD: headBucket,
  PUT: createBucket,
  DELETE: deleteBucket,
  'list-type GET': listObjectsV2,
  'location GET': getBucketLocation,
  'versions GET': listObjectVersions,
  'delete POST': deleteObjects,
  'uploads GET': listMultipartUploads,
  ...bucketConfiguration,
}

const object: Table<ObjectCall> = {
  GET: getObject,
  HEAD: headObject,
  PUT: putObject,
  DELETE: deleteObject,
  'attributes GET': getObjectAttributes,
  'partNumber GET': getObject,
  'partNumber HEAD': headObject,
  'x-amz-copy-source PUT': copyObject,
  'uploads POST': createMultipartUpload,
  'partNumber+uploadId PUT': uploadPart,
  'partNumber+uploadId+x-amz-copy-source PUT': uploadPartCopy,
  'uploadId GET': listParts,
  'uploadId POST': completeMultipartUpload,
  'uploadId DELETE': abortMultipartUpload,
  'tagging GET': getObjectTagging,
  'tagging PUT': putObjectTagging,
  'tagging DELETE': deleteObjectTagging,
  ...objectConfiguration,
}

/**
 * All query parameters that select another operation than the plain method. A request with one that has no entry in the
 * tables above fails with NotImplemented; it never runs the plain method.
 */
const subresources: ReadonlySet<string> = new Set([
  'abac',
  'accelerate',
  'acl',
  'analytics',
  'annotation',
  'annotations',
  'append',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'list-type',
  'location',
  'logging',
  'metadataAnnotationTable',
  'metadataConfiguration',
  'metadataInventoryTable',
  'metadataJournalTable',
  'metadataTable',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'partNumber',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'replication-metrics',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'session',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versioning',
  'versions',
  'website',
])

/** The tables by kind of resource. */
export const routes = { service, bucket, object } as const

type Routed = Pick<HttpRequest, 'method' | 'query' | 'headers'>

/** The subresources in the query of a request, in alphabetical order. */
function subresourcesOf(request: Routed): readonly string[] {
  const asked = [...request.query.keys()].filter((name) => subresources.has(name))
  if (request.headers.has('x-amz-copy-source') && request.method === 'PUT') asked.push('x-amz-copy-source')
  return asked.sort()
}

/** Whether a request is S3's PostObject: a form that is posted to a bucket. A subresource selects another action. */
export function isPostObject(resource: Resource, request: Routed): boolean {
  return resource === 'bucket' && isFormPost(request) && subresourcesOf(request).length === 0
}

/** The S3 action of a request, even if it will be refused; undefined if it matches no action. */
export function actionOf(resource: Resource, request: Routed): string | undefined {
  if (isPostObject(resource, request)) return 'PostObject'
  return entryOf(actionNames[resource], [subresourcesOf(request).join('+'), request.method].filter(Boolean).join(' '))
}

/** The entry of a table; undefined for a method such as `constructor`, which HTTP/2 passes on and which every object has. */
function entryOf<Entry>(table: Readonly<Record<string, Entry>>, name: string): Entry | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

/** The operation of a request; throws MethodNotAllowed, NotImplemented, InvalidArgument. */
export function routeOperation<C extends Call>(table: Table<C>, request: Routed): Operation<C> {
  const asked = subresourcesOf(request)
  const [subresource, ...more] = asked
  if (subresource !== undefined) {
    const operation = entryOf(table, `${asked.join('+')} ${request.method}`)
    if (operation !== undefined) return operation
    if (more.length > 0) {
      throw new S3Error('InvalidArgument', { message: `Conflicting query string parameters: ${asked.join(', ')}` })
    }
    throw new S3Error('NotImplemented', { message: `${request.method} ?${subresource} is not supported.` })
  }
  const operation = entryOf(table, request.method)
  if (operation === undefined) throw new S3Error('MethodNotAllowed', { fields: { Method: request.method } })
  return operation
}

/**
 * Throws MethodNotAllowed if a resource has no such method, and PreconditionFailed for a POST of anything but a form to a bucket.
 * S3 says so to unsigned requests, too: a form that is posted to the URL of an object is signed in its body.
 */
export function requireMethod(resource: Resource, request: Routed): void {
  const { method } = request
  const table = routes[resource]
  if (Object.hasOwn(table, method) || subresourcesOf(request).length > 0) return
  if (resource === 'bucket' && method === 'POST') {
    const Condition = 'Bucket POST must be of the enclosure-type multipart/form-data'
    throw new S3Error('PreconditionFailed', { fields: { Condition } })
  }
  const allow = Object.keys(table).filter((name) => !name.includes(' '))
  throw new S3Error('MethodNotAllowed', {
    fields: { Method: method, ResourceType: resource.toUpperCase() },
    headers: { allow: allow.join(', ') },
  })
}
