import { S3Error } from '../errors.js'
import { type Branch, type Commit, fileSetRepo, headOf } from '../pfs/client.js'

/** A bucket: a branch, which is writable, or a branch at one commit, which is read-only. */
export interface Bucket {
  /** As the client wrote it. */
  readonly name: string
  readonly branch: Branch
  /** The commit that the name pins; undefined for the branch itself. */
  readonly at?: BucketCommit
}

/** A commit, by its id or by its distance from the head of the branch: `^`, `^3`, `^^`. */
export type BucketCommit = { readonly id: string } | { readonly ancestry: string }

/** How bucket names map to branches. */
export interface BucketNameOptions {
  /** Other names of buckets, such as `{ 'training-data': 'master.images.vision' }`. */
  readonly bucketAliases: Readonly<Record<string, string>>
  /** Separates the parts of a name that contains no dot, such as `--`; '.' allows only names with dots. */
  readonly bucketSeparator: string
}

/** Maps bucket names to branches and back. */
export interface BucketNames {
  /** Parses a name. @throws S3Error InvalidBucketName if PFS cannot have such a bucket. */
  readonly parse: (name: string) => Bucket
  /** The names under which a branch is listed: its alias, or else its regular name, then the aliases of its commits. */
  readonly namesOf: (branch: Branch) => readonly string[]
  /** The branch that a name would mean with repo and branch swapped; undefined for a name without a branch. */
  readonly swapped: (bucket: Bucket) => Branch | undefined
}

const defaultProject = 'default'
const defaultBranch = 'master'

const pfsName = /^[A-Za-z0-9_-]+$/
/** pachd accepts `^^` or `^2` after a name, but no mixture. */
const branchPattern = /^([A-Za-z0-9_-]+)(\^+|\^\d{1,5})?$/
const commitIdPattern = /^[0-9a-f]{32}$/

/** Whether `text` looks like a commit id: 32 lower-case hex digits. */
export function isCommitId(text: string): boolean {
  return commitIdPattern.test(text)
}

/**
 * Creates the mapping of bucket names. With the separator `--`, `master--images` means `master.images`; names with dots
 * stay valid.
 *
 * @throws TypeError if the target of an alias is not a bucket, or two aliases have the same target.
 */
export function createBucketNames({ bucketAliases, bucketSeparator }: BucketNameOptions): BucketNames {
  const partsOf = (name: string) => name.split(name.includes('.') ? '.' : bucketSeparator)
  const readParts = (name: string) => bucketFrom(name, partsOf(name))
  const aliases = readAliases(bucketAliases, readParts)

  /** The first of the possible names that maps back to this branch: a part may contain the separator. */
  function nameOf(branch: Branch): string | undefined {
    const { project, name: repo } = branch.repo
    const parts = project === defaultProject ? [branch.name, repo] : [branch.name, repo, project]
    return [bucketSeparator, '.'].map((separator) => parts.join(separator)).find((name) => isNameOf(name, branch))
  }

  function isNameOf(name: string, branch: Branch): boolean {
    const read = aliases.has(name) ? undefined : readParts(name)
    return read !== undefined && read.at === undefined && isSameBranch(read.branch, branch)
  }

  return {
    parse(name) {
      const bucket = aliases.get(name) ?? readParts(name)
      if (bucket === undefined) throw invalidBucketName(name)
      return bucket
    },
    namesOf(branch) {
      const named = [...aliases.values()].filter((alias) => isSameBranch(alias.branch, branch))
      const names = named.map(({ name }) => name)
      if (named.some(({ at }) => at === undefined)) return names
      const own = nameOf(branch)
      return own === undefined ? names : [own, ...names]
    },
    swapped({ name, branch, at }) {
      if (at !== undefined || aliases.has(name) || partsOf(name).length < 2) return undefined
      return { repo: { ...branch.repo, name: branch.name }, name: branch.repo.name }
    },
  }
}

/**
 * The branch that a bucket name means, for programs that use S3 and PFS side by side. A commit in the name is ignored.
 *
 * @param options those of the handler
 * @throws S3Error InvalidBucketName if PFS cannot have such a bucket
 * @example
 * branchOfBucket('master.images.vision') // { repo: { project: 'vision', name: 'images', type: 'user' }, name: 'master' }
 */
export function branchOfBucket(
  name: string,
  options: { readonly [Name in keyof BucketNameOptions]?: BucketNameOptions[Name] | undefined } = {},
): Branch {
  const { bucketAliases = {}, bucketSeparator = '.' } = options
  return createBucketNames({ bucketAliases, bucketSeparator }).parse(name).branch
}

function readAliases(
  bucketAliases: Readonly<Record<string, string>>,
  readParts: (name: string) => Bucket | undefined,
): ReadonlyMap<string, Bucket> {
  const aliases = new Map<string, Bucket>()
  const aliasOf = new Map<string, string>()
  for (const [name, target] of Object.entries(bucketAliases)) {
    const bucket = readParts(target)
    if (bucket === undefined) throw new TypeError(`bucketAliases: "${target}", named by "${name}", is not a bucket`)
    const { branch, at } = bucket
    const identity = JSON.stringify([branch, at])
    const other = aliasOf.get(identity)
    if (other !== undefined) throw new TypeError(`bucketAliases: "${other}" and "${name}" are the same bucket`)
    aliasOf.set(identity, name)
    aliases.set(name, { ...bucket, name })
  }
  return aliases
}

/** Whether two values are the same branch. */
function isSameBranch(a: Branch, b: Branch): boolean {
  return a.name === b.name && a.repo.name === b.repo.name && a.repo.project === b.repo.project
}

/**
 * The bucket of the parts `[[commit] branch] repo [project]`; undefined if PFS cannot have it. Two parts are branch and
 * repo. The first of three is a commit if it looks like one. Without a commit, the branch may end in `^` or `^3`.
 */
function bucketFrom(name: string, parts: readonly string[]): Bucket | undefined {
  const [first = ''] = parts
  const id = parts.length > 2 && isCommitId(first) ? first : undefined
  const [branchPart, repo, project = defaultProject, ...rest] =
    parts.length === 1 ? [defaultBranch, first] : parts.slice(id === undefined ? 0 : 1)
  const [, branch, ancestry = ''] = branchPattern.exec(branchPart ?? '') ?? []
  if (branch === undefined || repo === undefined || rest.length > 0) return undefined
  if (!pfsName.test(repo) || !pfsName.test(project)) return undefined
  // PFS lists staged file sets as commits of this repo, to every caller.
  if (repo === fileSetRepo.name) return undefined
  const bucket = { name, branch: { repo: { project, name: repo, type: 'user' as const }, name: branch } }
  if (id !== undefined) return ancestry === '' ? { ...bucket, at: { id } } : undefined
  return ancestry === '' ? bucket : { ...bucket, at: { ancestry } }
}

/** The commit that reads of the bucket use: the one in its name, or the head. */
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
