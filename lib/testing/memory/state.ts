import type { Branch, Commit, OriginKind, Repo } from '../../pfs/client.js'
import type { Changes, Snapshot } from './store/changes.js'

/** The files of a commit by path, such as `{ 'dir/a.txt': 'text', 'b.bin': bytes }`; null deletes one of the commit before. */
export type SeededFiles = Readonly<Record<string, string | Uint8Array | null>>

/** Branches by name; a list is one commit after the other. */
export type SeededBranches = Readonly<Record<string, SeededFiles | readonly SeededFiles[]>>

/** Repos by `name`, or `name.project` outside the project `default`: as at the end of a bucket's name. */
export type SeededRepos = Readonly<Record<string, SeededBranches>>

/** How the PFS in memory behaves; each is optional. */
export interface MemoryPfsOptions {
  /** What it holds from the start; with auth active, the repos belong to `pach:root`. */
  readonly repos?: SeededRepos
  /** Switches auth on; this token is `pach:root`. */
  readonly rootToken?: string | undefined
  /** How long each commit that a `modifyFile` makes on a branch takes, one after the other; 0 unless given. */
  readonly commitMilliseconds?: number | undefined
  /** How long a commit stays finishing; until a following macrotask unless given. */
  readonly finishMilliseconds?: number | undefined
  /** The clock of all dates and of what expires; the system's unless given. */
  readonly now?: (() => Date) | undefined
}

/** A project. */
export interface ProjectRecord {
  readonly name: string
  description: string
  readonly createdAt: Date
}

/** A repo with all that is in it. */
export interface RepoRecord {
  readonly repo: Repo
  description: string
  readonly created: Date
  readonly branches: Map<string, BranchRecord>
  /** By id, oldest first. */
  readonly commits: Map<string, CommitRecord>
}

/** A branch: a name that moves from commit to commit. */
export interface BranchRecord {
  readonly branch: Branch
  head: CommitRecord
  /** The branches that this one is made from; a branch with any is an output branch. */
  directProvenance: readonly BranchRecord[]
  /** The branches that are made from this one. */
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
  /** Shown when the commit is finished. */
  error: string
  /** What the commit was made on: what the nearest ancestor without an error holds. */
  readonly base: Snapshot
  snapshot: Snapshot
  /** Paths that were deleted though they were missing: pachd finds the commit by them. */
  readonly deletedInVain: Set<string>
  /** What calls added, whether it was there still when the commit was closed or not. */
  addedBytes: number
  readonly createdBy: string
  updatedAt: Date
  /** Called at each change of the commit's state. */
  readonly waiting: Set<() => void>
}

/** A file set: what calls wrote that belongs to no commit. */
export interface FileSetRecord {
  readonly layers: readonly Changes[]
  /** What the layers make of nothing. */
  readonly snapshot: Snapshot
  expires: Date
}

/** Whom a token stands for. */
export interface TokenRecord {
  readonly username: string
  readonly expiration?: Date
}

/** Who may do what, while auth is active. */
export interface AuthRecord {
  readonly tokens: Map<string, TokenRecord>
  /** Roles by principal, by resource as `TYPE name`. */
  readonly bindings: Map<string, Map<string, readonly string[]>>
}

/** All that a PFS in memory holds. */
export interface State {
  readonly options: MemoryPfsOptions
  readonly now: () => Date
  readonly projects: Map<string, ProjectRecord>
  /** By project and name; of a system repo also its type, as `repoName` writes it. */
  readonly repos: Map<string, RepoRecord>
  readonly fileSets: Map<string, FileSetRecord>
  /** By branch: ends when the commits that wait to be made on it are made. */
  readonly commitQueues: Map<string, Promise<void>>
  auth?: AuthRecord
}
