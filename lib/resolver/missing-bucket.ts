import { S3Error } from '../errors.js'
import type { CallOptions, PfsClient } from '../pfs/client.js'
import { isMissing, unlessMissing } from '../pfs/errors.js'
import type { Bucket, BucketNames } from './bucket-name.js'

/** Maximum explanations in progress: clients that look for missing buckets send many requests. */
const maxExplanations = 4

/** Explains why a bucket is missing, with the rights of the caller. */
export interface MissingBuckets {
  /** The name with repo and branch swapped, if that bucket exists and the caller may read it; otherwise undefined. */
  readonly findSwapped: (bucket: Bucket, options: CallOptions) => Promise<string | undefined>
  /** Adds the missing repo and branch, and a likely correction, to NoSuchBucket; returns any other error unchanged. */
  readonly explain: (error: S3Error, options: CallOptions) => Promise<S3Error>
}

/** Creates the explanations of one handler. */
export function createMissingBuckets(pfs: PfsClient, names: BucketNames): MissingBuckets {
  let running = 0

  async function findSwapped(bucket: Bucket, options: CallOptions): Promise<string | undefined> {
    const branch = names.swapped(bucket)
    if (branch === undefined) return undefined
    const repo = await unlessMissing(pfs.inspectRepo(branch.repo, options))
    // PFS also returns repos that the caller may not read, without permissions.
    if (repo?.authInfo?.permissions.includes('REPO_READ') === false) return undefined
    return repo?.branches.some(({ name }) => name === branch.name) === true ? names.namesOf(branch)[0] : undefined
  }

  async function hintOf(bucket: Bucket, options: CallOptions): Promise<string> {
    const { project } = bucket.branch.repo
    const [found, swapped] = await Promise.all([
      unlessMissing(pfs.inspectProject(project, options)),
      findSwapped(bucket, options),
    ])
    if (found === undefined) return ` The project "${project}" does not exist.`
    return swapped === undefined ? '' : ` The bucket "${swapped}" exists: the branch comes before the repo.`
  }

  /** Undefined for an invalid name, which PFS cannot explain. */
  function parsed(name: string): Bucket | undefined {
    try {
      return names.parse(name)
    } catch {
      return undefined
    }
  }

  return {
    findSwapped,
    async explain(error, options) {
      const name = error.code === 'NoSuchBucket' ? error.fields.BucketName : undefined
      if (name === undefined) return error
      const bucket = parsed(name)
      if (bucket === undefined) return error
      const { fields, headers, cause } = error
      const explained = (hint: string) =>
        new S3Error('NoSuchBucket', { message: lookedFor(bucket, cause) + hint, fields, headers, cause })
      if (isMissing(cause, 'commit')) return explained('')
      if (running >= maxExplanations) return explained('')
      running += 1
      try {
        return explained(await hintOf(bucket, options))
      } catch {
        // The bucket is missing in any case; the hint is optional.
        return explained('')
      } finally {
        running -= 1
      }
    },
  }
}

/** Names what is missing: the commit in the bucket name, or one that was deleted during the request. */
function lookedFor({ branch, at }: Bucket, cause: unknown): string {
  const place = `branch "${branch.name}" of a repo "${branch.repo.name}" in the project "${branch.repo.project}".`
  if (!isMissing(cause, 'commit')) return `The specified bucket does not exist: PFS has no ${place}`
  const commit = at !== undefined && 'id' in at ? `has no commit "${at.id}"` : 'no longer has the commit that was read'
  return `The specified bucket does not exist: PFS ${commit} on the ${place}`
}
