import { inspectHead } from '../commits/head.js'
import { notImplemented, S3Error } from '../errors.js'
import { header } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import { xmlResponse } from '../http/response.js'
import { readXml, type XmlShape, xmlDocument } from '../http/xml.js'
import { type RepoInfo, repoId } from '../pfs/client.js'
import { isMissing, PfsError, unlessMissing } from '../pfs/errors.js'
import { listMarkers } from '../resolver/listing/list-markers.js'
import { isOwnersAcl } from './access-control.js'
import { type BucketCall, requireListable, requireWritable } from './call.js'

/**
 * CreateBucket: creates the branch, and its repo if it is missing.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
 */
export async function createBucket(call: BucketCall): Promise<S3Response> {
  const { gateway, bucket, options } = call
  requireWritable(bucket)
  refuseUnsupported(call)
  await readXml(call, 'CreateBucketConfiguration', configurationIn(gateway.signingRegion))
  await repoTurn(call, async () => {
    const repo = await unlessMissing(gateway.pfs.inspectRepo(bucket.branch.repo, options))
    const exists = repo?.branches.some(({ name }) => name === bucket.branch.name) ?? false
    if (exists) requireOwn(repo, bucket.name)
    else {
      await refuseSwapped(call)
      await createBranch(call, repo === undefined)
    }
  })
  return { status: 200, headers: { location: `/${bucket.name}` } }
}

/** Throws for headers that ask for an unsupported kind of bucket. */
function refuseUnsupported({ request }: BucketCall): void {
  const acl = header(request, 'x-amz-acl') ?? 'private'
  if (!isOwnersAcl(acl) || [...request.headers.keys()].some((name) => name.startsWith('x-amz-grant-'))) {
    throw new S3Error('InvalidBucketAclWithObjectOwnership')
  }
  const lock = header(request, 'x-amz-bucket-object-lock-enabled')
  if (lock?.toLowerCase() === 'true')
    throw notImplemented('x-amz-bucket-object-lock-enabled', 'objects cannot be locked.')
  const ownership = header(request, 'x-amz-object-ownership') ?? 'BucketOwnerEnforced'
  if (ownership !== 'BucketOwnerEnforced')
    throw notImplemented('x-amz-object-ownership', 'the bucket owner owns all objects.')
}

/**
 * The shape of the configuration; throws if it names another region than the configured one, or contains more than a
 * region. Without a configured region, clients of every region are served, and each may name its own.
 */
function configurationIn(region: string | undefined): XmlShape {
  return {
    texts: ['LocationConstraint'],
    elements: { Bucket: unsupported('Bucket'), Location: unsupported('Location'), Tags: unsupported('Tags') },
    onEnd: (texts) => requireOwnRegion(texts.get('LocationConstraint')?.trim() ?? '', region),
  }
}

function unsupported(name: string): XmlShape {
  return {
    onStart: () => {
      throw new S3Error('NotImplemented', { message: `CreateBucket does not support ${name}.` })
    },
  }
}

/** The names of AWS's regions; `EU` is an old name of one. */
const regionName = /^([a-z]{2,4}(-[a-z]+)+-\d+|EU)$/

function requireOwnRegion(constraint: string, region: string | undefined): void {
  const fields = { LocationConstraint: constraint }
  // S3 represents us-east-1 by an empty location, and does not accept it by name.
  if (constraint === 'us-east-1') throw new S3Error('InvalidLocationConstraint', { fields })
  if (constraint === '' || region === undefined || constraint === region) return
  if (!regionName.test(constraint)) throw new S3Error('InvalidLocationConstraint', { fields })
  const message = `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to: the region is ${region}.`
  throw new S3Error('IllegalLocationConstraintException', { message, fields })
}

/** Throws InvalidBucketName if a bucket exists whose name has the same repo and branch in the other order. */
async function refuseSwapped({ gateway, bucket, options }: BucketCall): Promise<void> {
  const other = await gateway.missingBuckets.findSwapped(bucket, options)
  if (other === undefined) return
  const { name: branch, repo } = bucket.branch
  throw new S3Error('InvalidBucketName', {
    message: `The bucket "${other}" exists. The branch comes before the repo, so "${bucket.name}" would be a branch "${branch}" of the repo "${repo.name}"; to create that branch, use pachctl.`,
    fields: { BucketName: bucket.name },
  })
}

async function createBranch({ gateway, bucket, options }: BucketCall, withRepo: boolean): Promise<void> {
  if (withRepo)
    await createRepo(gateway.pfs.createRepo({ repo: bucket.branch.repo }, options), bucket.branch.repo.project)
  await gateway.pfs.createBranch({ branch: bucket.branch }, options)
}

/** Ignores a repo that another request has created in the meantime. */
async function createRepo(created: Promise<void>, project: string): Promise<void> {
  try {
    await created
  } catch (error) {
    if (!(error instanceof PfsError) || error.status !== 'ALREADY_EXISTS') throw missingProject(error, project)
  }
}

function missingProject(error: unknown, project: string): unknown {
  if (!isMissing(error, 'project')) return error
  return new S3Error('InvalidBucketName', { message: `The project "${project}" does not exist.`, cause: error })
}

/** A branch that the caller may not read belongs to somebody else. */
function requireOwn(repo: RepoInfo | undefined, name: string): void {
  if (repo?.authInfo?.permissions.includes('REPO_READ') === false) {
    throw new S3Error('BucketAlreadyExists', { fields: { BucketName: name } })
  }
}

/**
 * DeleteBucket: deletes an empty branch, and its repo with the last branch. Blocks other writes to the branch, and the
 * creation and deletion of other buckets of the repo.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
 */
export async function deleteBucket(call: BucketCall): Promise<S3Response> {
  const { gateway, bucket, options } = call
  requireWritable(bucket)
  await repoTurn(call, () =>
    gateway.commits.exclusively(bucket.branch, options, (limited) => deleteEmpty({ ...call, options: limited })),
  )
  return { status: 204 }
}

async function deleteEmpty(call: BucketCall): Promise<void> {
  const { gateway, bucket, options } = call
  const { pfs } = gateway
  const { branch } = bucket
  const notEmpty = new S3Error('BucketNotEmpty', { fields: { BucketName: bucket.name } })
  const { commitId } = await inspectHead(pfs, branch, options)
  const file = { commit: { repo: branch.repo, id: commitId }, path: '/' }
  for await (const _ of pfs.listFile({ file, number: 1 }, options)) throw notEmpty
  gateway.records.refresh(branch.repo)
  const anyKey = { prefix: '', delimiter: '', after: '', limit: 1 }
  if ((await listMarkers({ ...gateway, branch, options }, 'visible', anyKey)).entries.length > 0) throw notEmpty
  const isLast = await isLastBranch(call)
  // Another writer may have committed since.
  if ((await inspectHead(pfs, branch, options)).commitId !== commitId) throw notEmpty
  if (!isLast) await pfs.deleteBranch({ branch }, options)
  // If the caller has no right to delete it, PFS returns false, not an error. pachd reads all repos to delete one, so
  // concurrent deletions make each other's transactions fail, and pachd repeats these for half a minute.
  else if (await gateway.repoMutex('deletion', () => pfs.deleteRepo({ repo: branch.repo }, options)))
    gateway.records.forget(branch.repo)
  else throw new S3Error('AccessDenied')
}

async function isLastBranch({ gateway, bucket, options }: BucketCall): Promise<boolean> {
  for await (const { branch } of gateway.pfs.listBranch({ repo: bucket.branch.repo }, options)) {
    if (branch.name !== bucket.branch.name) return false
  }
  return true
}

/**
 * HeadBucket.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
 */
export async function headBucket(call: BucketCall): Promise<S3Response> {
  await requireListable(call)
  return { status: 200, headers: { 'x-amz-bucket-region': call.gateway.region } }
}

/**
 * GetBucketLocation: the configured region; S3 writes us-east-1 as an empty location.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
 */
export async function getBucketLocation(call: BucketCall): Promise<S3Response> {
  await requireListable(call)
  const { region } = call.gateway
  return xmlResponse(xmlDocument('LocationConstraint', region === 'us-east-1' ? '' : region))
}

/** Serialises the creation and deletion of branches of a repo, since the repo is deleted with its last branch. */
function repoTurn<Result>({ gateway, bucket }: BucketCall, work: () => Promise<Result>): Promise<Result> {
  return gateway.repoMutex(repoId(bucket.branch.repo), work)
}
