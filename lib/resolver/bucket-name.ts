import { S3Error } from '../errors.js'
import { type Branch, type Commit, fileSetRepo, headOf } from '../pfs/client.js'

/** A bucket as its name says: a branch that takes writes, or that branch at one commit, which is read only. */
export interface Bucket {
  /** As the client wrote it. */
  readonly name: string
  readonly branch: Branch
  /** The commit to which the name pins the bucket; absent for the branch itself. */
  readonly at?: BucketCommit
}

/** A commit by its id, or how many commits before the head of the branch: `^`, `^3`, `^^`. */
export type BucketCommit = { readonly id: string } | { readonly ancestry: string }

/** How buckets are named. */
export interface BucketNameOptions {
  /** Buckets by another name, such as `{ 'training-data': 'master.images.vision' }`. */
  readonly bucketAliases: Readonly<Record<string, string>>
  /** Separates the parts of a name without a dot, such as `--`; '.' for names with dots only. */
  readonly bucketSeparator: string
}

/** The names of buckets, in both directions. */
export interface BucketNames {
  /** Reads a name. Throws S3Error InvalidBucketName if PFS cannot have what it names. */
  readonly parse: (name: string) => Bucket
  /** The names under which a branch is listed: its alias or else a name of its parts, then the aliases of its commits. */
  readonly namesOf: (branch: Branch) => readonly string[]
  /** The branch that a name means if its repo was written before its branch; undefined for a name without a branch. */
  readonly swapped: (bucket: Bucket) => Branch | undefined
}

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
 * Creates the names of buckets. With the separator `--`, `master--images` is `master.images`; names with dots stay valid.
 *
 * @throws TypeError if an alias is not of a bucket, or two are of one
 */
export function createBucketNames({ bucketAliases, bucketSeparator }: BucketNameOptions): BucketNames {
  const partsOf = (name: string) => name.split(name.includes('.') ? '.' : bucketSeparator)
  const readParts = (name: string) => bucketFrom(name, partsOf(name))
  const aliases = readAliases(bucketAliases, readParts)

  /** The first name of its parts that is read as this branch again: a part may hold the separator. */
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

/** Whether two branches are one. */
function isSameBranch(a: Branch, b: Branch): boolean {
  return a.name === b.name && a.repo.name === b.repo.name && a.repo.project === b.repo.project
}

/**
 * The bucket of the parts `[[commit] branch] repo [project]`; undefined if PFS cannot have it. Two parts are a branch and
 * a repo; of three, the first is a commit if it looks like one. Without a commit, a branch may have `^` or `^3` behind it.
 */
function bucketFrom(name: string, parts: readonly string[]): Bucket | undefined {
  const [first = ''] = parts
  const id = parts.length > 2 && isCommitId(first) ? first : undefined
  const [branchPart, repo, project = defaultProject, ...rest] =
    parts.length === 1 ? [defaultBranch, first] : parts.slice(id === undefined ? 0 : 1)
  const [, branch, ancestry = ''] = branchPattern.exec(branchPart ?? '') ?? []
  if (branch === undefined || repo === undefined || rest.length > 0) return undefined
  if (!pfsName.test(repo) || !pfsName.test(project)) return undefined
  // PFS shows what is staged as commits of this repo, and to anybody.
  if (repo === fileSetRepo.name) return undefined
  const bucket = { name, branch: { repo: { project, name: repo, type: 'user' as const }, name: branch } }
  if (id !== undefined) return ancestry === '' ? { ...bucket, at: { id } } : undefined
  return ancestry === '' ? bucket : { ...bucket, at: { ancestry } }
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
