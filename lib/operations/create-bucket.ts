import { S3Error } from '../errors.js'
import { malformedXml, readXml } from '../http/xml-reader.js'
import type { RepoInfo } from '../pfs/client.js'
import { isMissing, PfsError, unlessMissing } from '../pfs/errors.js'
import type { BucketCall, Operation } from './call.js'
import { repoTurn } from './repo-turn.js'
import { requireWritable } from './writable.js'

/** CreateBucket: makes the branch, and its repo where that is not there yet. */
export const createBucket: Operation<BucketCall> = async (call) => {
  const { gateway, bucket, body, options } = call
  requireWritable(bucket)
  const configuration = await readXml(body)
  if (configuration !== undefined && configuration.name !== 'CreateBucketConfiguration') throw malformedXml()
  await repoTurn(call, async () => {
    const repo = await unlessMissing(gateway.pfs.inspectRepo(bucket.branch.repo, options))
    const exists = repo?.branches.some(({ name }) => name === bucket.branch.name) ?? false
    if (exists) requireOwn(repo, bucket.name)
    else await createBranch(call, repo === undefined)
  })
  return { status: 200, headers: { location: `/${bucket.name}` } }
}

async function createBranch({ gateway, bucket, options }: BucketCall, withRepo: boolean): Promise<void> {
  if (withRepo)
    await createRepo(gateway.pfs.createRepo({ repo: bucket.branch.repo }, options), bucket.branch.repo.project)
  await gateway.pfs.createBranch({ branch: bucket.branch }, options)
}

/** Another request may have made the repo since it was looked for. */
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

/** A branch that the caller has no right on is somebody else's. */
function requireOwn(repo: RepoInfo | undefined, name: string): void {
  if (repo?.authInfo?.permissions.includes('REPO_READ') === false) {
    throw new S3Error('BucketAlreadyExists', { fields: { BucketName: name } })
  }
}
