import type { Branch, Commit, OriginKind, Repo } from '../../pfs/client.js'
import type { Changes, Snapshot } from './store/changes.js'

/** The files of a commit by path, such as `{ 'dir/a.txt': 'text', 'b.bin': bytes }`; null deletes a file. */
export type SeededFiles = Readonly<Record<string, string | Uint8Array | null>>

/** Branches by name; a list describes consecutive commits. */
export type SeededBranches = Readonly<Record<string, SeededFiles | readonly SeededFiles[]>>

/** Repos by `name`, or `name.project` outside the project `default`, as at the end of a bucket name. */
export type SeededRepos = Readonly<Record<string, SeededBranches>>

/** Options of `createMemoryPfs`. */
export interface MemoryPfsOptions {
  /**
   * Initial content; with auth active, the repos belong to `pach:root`.
   *
   * @default none
   */
  readonly repos?: SeededRepos
  /**
   * Activates auth; this token is that of `pach:root`.
   *
   * @default auth is not active
   */
  readonly rootToken?: string | undefined
  /**
   * Duration of each commit that a `modifyFile` makes on a branch, in milliseconds; such commits follow each other.
   *
   * @default 0
   */
  readonly commitMilliseconds?: number | undefined
  /**
   * Time from closing a commit until it is finished, in milliseconds.
   *
   * @default until a later macrotask
   */
  readonly finishMilliseconds?: number | undefined
  /**
   * The clock for dates and expiry.
   *
   * @default the system clock
   */
  readonly now?: (() => Date) | undefined
}

/** A project. */
export interface ProjectRecord {
  readonly name: string
  description: string
  readonly createdAt: Date
}

/** A repo and its content. */
export interface RepoRecord {
  readonly repo: Repo
  description: string
  readonly created: Date
  readonly branches: Map<string, BranchRecord>
  /** By id, oldest first. */
  readonly commits: Map<string, CommitRecord>
}

/** A branch: a movable name of a commit. */
export interface BranchRecord {
  readonly branch: Branch
  head: CommitRecord
  /** The direct provenance of the branch; a branch with provenance is an output branch. */
  directProvenance: readonly BranchRecord[]
  /** The branches that have this one as direct provenance. */
  readonly directSubvenance: Set<BranchRecord>
  readonly createdBy: string
  readonly createdAt: Date
  updatedAt: Date
}

/** A commit, open, finishing or finished. */
export interface CommitRecord {
  readonly repo: Repo
  readonly id: string
  /** The branch that the commit was made on. */
  readonly branch: string
  readonly origin: OriginKind
  description: string
  readonly parent?: CommitRecord
  readonly children: CommitRecord[]
  readonly directProvenance: readonly Commit[]
  readonly started: Date
  finishing?: Date
  finished?: Date
  /** Returned after the commit is finished. */
  error: string
  /** The content that the commit started with: that of the nearest ancestor without an error. */
  readonly base: Snapshot
  snapshot: Snapshot
  /** Paths that were deleted although they were missing: FindCommits reports the commit for them. */
  readonly deletedInVain: Set<string>
  /** Bytes added by calls, even if they were deleted again before the commit was closed. */
  addedBytes: number
  readonly createdBy: string
  updatedAt: Date
  /** Called at each change of the commit's state. */
  readonly waiting: Set<() => void>
}

/** A file set: files that belong to no commit. */
export interface FileSetRecord {
  readonly layers: readonly Changes[]
  /** The result of applying the layers to an empty tree. */
  readonly snapshot: Snapshot
  expires: Date
}

/** The user of a token. */
export interface TokenRecord {
  readonly username: string
  readonly expiration?: Date
}

/** Tokens and role bindings while auth is active. */
export interface AuthRecord {
  readonly tokens: Map<string, TokenRecord>
  /** Roles by principal, by resource (`TYPE name`). */
  readonly bindings: Map<string, Map<string, readonly string[]>>
}

/** The state of PFS in memory. */
export interface State {
  readonly options: MemoryPfsOptions
  readonly now: () => Date
  readonly projects: Map<string, ProjectRecord>
  /** By project and name, for a system repo also by type; see `repoName`. */
  readonly repos: Map<string, RepoRecord>
  readonly fileSets: Map<string, FileSetRecord>
  /** By branch; resolves when all pending commits on it are made. */
  readonly commitQueues: Map<string, Promise<void>>
  auth?: AuthRecord
}
