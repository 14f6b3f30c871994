import { S3Error, type S3ErrorCode } from '../errors.js'
import { xmlResponse } from '../http/response.js'
import { malformedXml, readXml, type XmlContent, xmlDocument } from '../http/xml.js'
import { ownerHasFullControl, requireOwnersPolicy } from './access-control.js'
import {
  type BucketCall,
  type ObjectCall,
  type Operation,
  requireListable,
  requireWritable,
  resolveNamedObject,
} from './call.js'

type BucketOperation = Operation<BucketCall>

/**
 * Bucket configurations that clients read, by subresource and method; responses describe a bucket without configuration.
 * The handler's CORS rules belong to its operator, not to a bucket.
 */
export const bucketConfiguration: Readonly<Record<string, BucketOperation>> = {
  'accelerate GET': fixedConfiguration('AccelerateConfiguration'),
  'acl GET': async (call) => {
    await requireListable(call)
    return ownerHasFullControl()
  },
  'acl PUT': async (call) => {
    requireWritable(call.bucket)
    await requireListable(call)
    await requireOwnersPolicy(call)
    return { status: 200 }
  },
  'analytics GET': noConfigurations('ListBucketAnalyticsConfigurationsResult'),
  'cors DELETE': deleteConfiguration,
  'cors GET': refuse('NoSuchCORSConfiguration'),
  'encryption DELETE': deleteConfiguration,
  'encryption GET': refuse('ServerSideEncryptionConfigurationNotFoundError'),
  'intelligent-tiering GET': noConfigurations('ListBucketIntelligentTieringConfigurationsOutput'),
  'inventory GET': noConfigurations('ListInventoryConfigurationsResult'),
  'lifecycle DELETE': deleteConfiguration,
  'lifecycle GET': refuse('NoSuchLifecycleConfiguration'),
  'logging GET': fixedConfiguration('BucketLoggingStatus'),
  'metrics GET': noConfigurations('ListMetricsConfigurationsResult'),
  'notification GET': fixedConfiguration('NotificationConfiguration'),
  'object-lock GET': refuse('ObjectLockConfigurationNotFoundError'),
  'ownershipControls DELETE': deleteConfiguration,
  // As in every new bucket of S3: ACLs are disabled.
  'ownershipControls GET': fixedConfiguration('OwnershipControls', {
    Rule: { ObjectOwnership: 'BucketOwnerEnforced' },
  }),
  'ownershipControls PUT': putBucketOwnershipControls,
  'policy DELETE': deleteConfiguration,
  'policy GET': refuse('NoSuchBucketPolicy'),
  'policyStatus GET': refuse('NoSuchBucketPolicy'),
  'publicAccessBlock DELETE': deleteConfiguration,
  'publicAccessBlock GET': refuse('NoSuchPublicAccessBlockConfiguration'),
  'replication DELETE': deleteConfiguration,
  'replication GET': refuse('ReplicationConfigurationNotFoundError'),
  'requestPayment GET': fixedConfiguration('RequestPaymentConfiguration', { Payer: 'BucketOwner' }),
  'tagging DELETE': deleteConfiguration,
  'tagging GET': refuse('NoSuchTagSet'),
  // Every write to a branch creates a version.
  'versioning GET': fixedConfiguration('VersioningConfiguration', { Status: 'Enabled' }),
  'versioning PUT': putBucketVersioning,
  'website DELETE': deleteConfiguration,
  'website GET': refuse('NoSuchWebsiteConfiguration'),
}

function fixedConfiguration(root: string, content?: XmlContent): BucketOperation {
  const document = xmlDocument(root, content)
  return async (call) => {
    await requireListable(call)
    return xmlResponse(document)
  }
}

function refuse(code: S3ErrorCode): BucketOperation {
  return async (call) => {
    await requireListable(call)
    throw new S3Error(code, { fields: { BucketName: call.bucket.name } })
  }
}

/** A bucket may have several of these, each with an id. A request without an id lists them. */
function noConfigurations(root: string): BucketOperation {
  const list = fixedConfiguration(root, { IsTruncated: false })
  const one = refuse('NoSuchConfiguration')
  return (call) => (call.request.query.has('id') ? one(call) : list(call))
}

/** Deleting a configuration that a bucket does not have succeeds, as on S3. */
async function deleteConfiguration(call: BucketCall): ReturnType<BucketOperation> {
  requireWritable(call.bucket)
  await requireListable(call)
  return { status: 204 }
}

/**
 * PutBucketVersioning: accepts only the state that every bucket has.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html
 */
async function putBucketVersioning(call: BucketCall): ReturnType<BucketOperation> {
  requireWritable(call.bucket)
  await requireListable(call)
  let status: string | undefined
  let mfaDelete: string | undefined
  const isThere = await readXml(call, 'VersioningConfiguration', {
    texts: ['Status', 'MfaDelete'],
    onEnd: (texts) => {
      status = texts.get('Status')?.trim()
      mfaDelete = texts.get('MfaDelete')?.trim()
    },
  })
  if (!isThere) throw new S3Error('MissingRequestBodyError')
  if (status !== 'Enabled' && status !== 'Suspended') throw malformedXml()
  if (mfaDelete === 'Enabled') throw new S3Error('NotImplemented', { message: 'MFA delete is not supported.' })
  if (status === 'Enabled') return { status: 200 }
  throw new S3Error('InvalidBucketState', {
    message: 'Versioning cannot be suspended: every write to a branch is a commit, and commits are kept.',
    fields: { BucketName: call.bucket.name },
  })
}

/**
 * PutBucketOwnershipControls: accepts only the ownership that every bucket has.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html
 */
async function putBucketOwnershipControls(call: BucketCall): ReturnType<BucketOperation> {
  requireWritable(call.bucket)
  await requireListable(call)
  const rules: (string | undefined)[] = []
  const onEnd = (texts: ReadonlyMap<string, string>) => rules.push(texts.get('ObjectOwnership')?.trim())
  const isThere = await readXml(call, 'OwnershipControls', {
    elements: { Rule: { texts: ['ObjectOwnership'], onEnd } },
  })
  if (!isThere) throw new S3Error('MissingRequestBodyError')
  const [ownership, ...more] = rules
  if (more.length > 0) throw malformedXml()
  if (ownership === 'BucketOwnerEnforced') return { status: 200 }
  if (ownership !== 'BucketOwnerPreferred' && ownership !== 'ObjectWriter') throw malformedXml()
  throw new S3Error('NotImplemented', { message: 'The bucket owner owns all objects.' })
}

/** Object configurations that clients read, by subresource and method; responses describe an object without any. */
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
