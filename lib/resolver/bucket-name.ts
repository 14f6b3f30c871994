import { S3Error } from '../errors.js'
import { type Branch, type Commit, fileSetRepo, headOf } from '../pfs/client.js'

/** A bucket as its name says: a branch that takes writes, or that branch at one commit, which is read only. */
export interface Bucket {
  readonly name: string
  readonly branch: Branch
  /** The commit to which the name pins the bucket; absent for the branch itself. */
  readonly at?: BucketCommit
}

/** A commit by its id, or how many commits before the head of the branch: `^`, `^3`, `^^`. */
export type BucketCommit = { readonly id: string } | { readonly ancestry: string }

const defaultProject = 'default'
const defaultBranch = 'master'

const pfsName = /^[A-Za-z0-9_-]+$/
/** pachd takes `^^` or `^2` behind a name, and no mixture. */
const branchPattern = /^([A-Za-z0-9_-]+)(\^+|\^\d{1,5})?$/
const commitIdPattern = /^[0-9a-f]{32}$/

/** Whether `text` has the form of a commit id: 32 lower-case hex digits. */
export function isCommitId(text: string): boolean {
  return commitIdPattern.test(text)
}

/**
 * Reads `[[commit.]branch.]repo[.project]`. Two parts are a branch and a repo; of three, the first is a commit where
 * it looks like one. Without a commit, a branch may have `^` or `^3` behind it. Throws InvalidBucketName for what PFS
 * could not name.
 */
export function parseBucketName(name: string): Bucket {
  const parts = name.split('.')
  const [first = ''] = parts
  const id = parts.length > 2 && isCommitId(first) ? first : undefined
  const [branchPart, repo, project = defaultProject, ...rest] =
    parts.length === 1 ? [defaultBranch, first] : parts.slice(id === undefined ? 0 : 1)
  const [, branch, ancestry = ''] = branchPattern.exec(branchPart ?? '') ?? []
  if (branch === undefined || repo === undefined || rest.length > 0) throw invalidBucketName(name)
  if (!pfsName.test(repo) || !pfsName.test(project)) throw invalidBucketName(name)
  // PFS shows what is staged as commits of this repo, and to anybody.
  if (repo === fileSetRepo.name) throw invalidBucketName(name)
  const bucket = { name, branch: { repo: { project, name: repo, type: 'user' as const }, name: branch } }
  if (id !== undefined && ancestry !== '') throw invalidBucketName(name)
  if (id !== undefined) return { ...bucket, at: { id } }
  return ancestry === '' ? bucket : { ...bucket, at: { ancestry } }
}

/** The name under which a branch is listed; undefined where that name would be read as something else. */
export function bucketNameFrom(branch: Branch): string | undefined {
  const { project, name: repo } = branch.repo
  const name = project === defaultProject ? `${branch.name}.${repo}` : `${branch.name}.${repo}.${project}`
  return isCommitId(branch.name) && project !== defaultProject ? undefined : name
}

/** The commit that a read of the bucket is of: the head, or the one in its name. */
export function commitOf({ branch, at }: Bucket): Commit {
  const head = headOf(branch)
  if (at === undefined) return head
  return 'id' in at ? { ...head, id: at.id } : { ...head, branch: `${branch.name}${at.ancestry}` }
}

function invalidBucketName(name: string): S3Error {
  return new S3Error('InvalidBucketName', {
    message:
      'The specified bucket is not valid: a bucket is [[commit.]branch.]repo[.project], each part of letters, digits, "_" and "-"; without a commit, the branch may end in "^" or "^3".',
    fields: { BucketName: name },
  })
}
