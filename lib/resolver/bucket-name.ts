import { S3Error } from '../errors.js'
import type { Branch, Commit } from '../pfs/client.js'

/** A bucket as its name says: a branch that takes writes, or that branch at one commit, which is read only. */
export interface Bucket {
  readonly name: string
  readonly branch: Branch
  /** Absent for the branch itself. */
  readonly commitId?: string
}

const defaultProject = 'default'
const defaultBranch = 'master'

const pfsName = /^[A-Za-z0-9_-]+$/
const commitIdPattern = /^[0-9a-f]{32}$/

/** Whether `text` has the form of a commit id: 32 lower-case hex digits. */
export function isCommitId(text: string): boolean {
  return commitIdPattern.test(text)
}

/**
 * Reads `[[commit.]branch.]repo[.project]`. Two parts are a branch and a repo; of three, the first is a commit where
 * it looks like one. Throws InvalidBucketName for what PFS could not name.
 */
export function parseBucketName(name: string): Bucket {
  const parts = name.split('.')
  if (!parts.every((part) => pfsName.test(part))) throw invalidBucketName(name)
  const [first = ''] = parts
  const commitId = parts.length > 2 && isCommitId(first) ? first : undefined
  const [branch, repo, project = defaultProject, ...rest] =
    parts.length === 1 ? [defaultBranch, first] : parts.slice(commitId === undefined ? 0 : 1)
  if (branch === undefined || repo === undefined || rest.length > 0) throw invalidBucketName(name)
  const bucket = { name, branch: { repo: { project, name: repo, type: 'user' as const }, name: branch } }
  return commitId === undefined ? bucket : { ...bucket, commitId }
}

/** The name under which a branch is listed; undefined where that name would be read as something else. */
export function bucketNameFrom(branch: Branch): string | undefined {
  const { project, name: repo } = branch.repo
  const name = project === defaultProject ? `${branch.name}.${repo}` : `${branch.name}.${repo}.${project}`
  return isCommitId(branch.name) && project !== defaultProject ? undefined : name
}

/** The commit that a read of the bucket is of: the head, or the one in its name. */
export function commitOf(bucket: Bucket): Commit {
  const { repo, name } = bucket.branch
  return bucket.commitId === undefined ? { repo, branch: name } : { repo, branch: name, id: bucket.commitId }
}

function invalidBucketName(name: string): S3Error {
  return new S3Error('InvalidBucketName', {
    message:
      'The specified bucket is not valid: a bucket is [[commit.]branch.]repo[.project], each part of letters, digits, "_" and "-".',
    fields: { BucketName: name },
  })
}
