/**
 * PFS in PFS's words: the part of pachd's `pfs_v2.API` and `auth_v2.API` that the gateway uses. The gRPC client, the
 * stand-in in memory and any test double are a `PfsClient`; a refusal is thrown as a `PfsError`.
 *
 * Streams are AsyncIterables: leaving one early (`break`, `return`) cancels the call behind it.
 */

export type RepoType = 'user' | 'meta' | 'spec'

export interface Repo {
  readonly project: string
  readonly name: string
  readonly type: RepoType
}

export interface Branch {
  readonly repo: Repo
  readonly name: string
}

/**
 * A commit by id, or the head of `branch` where `id` is absent. An `id` wins over `branch`; `^` and `^2` behind
 * either walk back. A file set is read as a commit of `fileSetRepo` with the file set's id.
 */
export interface Commit {
  readonly repo: Repo
  readonly id?: string
  readonly branch?: string
}

export interface File {
  readonly commit: Commit
  readonly path: string
  readonly datum?: string
}

/** The repo under which pachd shows file sets as commits (`__filesets__`). */
export const fileSetRepo: Repo = { project: 'default', name: '__filesets__', type: 'user' }

export interface AuthInfo {
  /** Names of `auth_v2.Permission`, such as `REPO_READ`. */
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
}

export interface ProjectInfo {
  readonly name: string
  readonly description: string
  readonly createdAt?: Date
}

export interface RepoInfo {
  readonly repo: Repo
  readonly description: string
  readonly created?: Date
  readonly sizeBytesUpperBound: number
  readonly branches: readonly Branch[]
  /** Absent where auth is not active. */
  readonly authInfo?: AuthInfo
  /** Only in `inspectRepo`. */
  readonly sizeBytes?: number
}

export interface BranchInfo {
  readonly branch: Branch
  readonly head?: Commit
  readonly provenance: readonly Branch[]
  readonly subvenance: readonly Branch[]
  readonly directProvenance: readonly Branch[]
  readonly createdBy: string
  readonly createdAt?: Date
  readonly updatedAt?: Date
}

export type OriginKind = 'USER' | 'AUTO' | 'FSCK'

export interface CommitInfo {
  readonly commit: Commit
  readonly origin?: OriginKind
  readonly description: string
  readonly parentCommit?: Commit
  readonly childCommits: readonly Commit[]
  readonly directProvenance: readonly Commit[]
  readonly started?: Date
  readonly finishing?: Date
  readonly finished?: Date
  /** Set when pachd could not validate the commit; the next commit drops what this one held. */
  readonly error: string
  readonly sizeBytesUpperBound: number
  readonly sizeBytes?: number
  readonly createdBy: string
  readonly createdAt?: Date
  readonly updatedAt?: Date
}

export type CommitState = 'STARTED' | 'READY' | 'FINISHING' | 'FINISHED'

export type FileType = 'FILE' | 'DIR'

export interface FileInfo {
  /** `file.path` is absolute; a directory's ends in `/`. */
  readonly file: File
  readonly fileType: FileType
  /** The time of the commit that was read, not of the file's last change; absent while that commit is open. */
  readonly committed?: Date
  readonly sizeBytes: number
  /** 32 bytes: equal content, equal hash. */
  readonly hash: Uint8Array
}

/** One message of `ModifyFile` or `CreateFileSet` after the first. */
export type FileOperation =
  | { readonly addFile: { readonly path: string; readonly datum?: string; readonly raw: Uint8Array } }
  | { readonly deleteFile: { readonly path: string; readonly datum?: string } }
  | {
      readonly copyFile: {
        readonly dst: string
        readonly datum?: string
        readonly src: File
        readonly append?: boolean
      }
    }

export type FileOperations = AsyncIterable<FileOperation> | Iterable<FileOperation>

/** Largest `raw` of one `addFile` that every pachd takes; its receive limit is 4 MiB for the whole message. */
export const maxRawBytes = 1024 * 1024

export interface PathRange {
  /** Inclusive; '' is the start. */
  readonly lower: string
  /** Exclusive; '' is the end. */
  readonly upper: string
}

export interface FilePage {
  /** Exclusive; need not exist. */
  readonly paginationMarker?: string
  /** At most 100,000; 0 is all. */
  readonly number?: number
  readonly reverse?: boolean
}

export interface FileDiff {
  readonly newFile?: FileInfo
  readonly oldFile?: FileInfo
}

export type FindCommitsResult =
  | { readonly foundCommit: Commit; readonly commitsSearched: number }
  | { readonly lastSearchedCommit: Commit; readonly commitsSearched: number }

export interface WhoAmI {
  readonly username: string
  readonly expiration?: Date
}

export type ResourceType = 'CLUSTER' | 'REPO' | 'SPEC_REPO' | 'PROJECT' | 'JOB'

export interface Resource {
  readonly type: ResourceType
  /** `project/repo` for a REPO; '' for the CLUSTER. */
  readonly name: string
}

/** Behind every call: who asks, and when to give up. */
export interface CallOptions {
  readonly signal?: AbortSignal
  /** Travels as the metadata entry `authn-token`. */
  readonly authToken?: string
}

export interface PfsClient {
  createProject(
    request: { project: string; description?: string; update?: boolean },
    options?: CallOptions,
  ): Promise<void>
  inspectProject(project: string, options?: CallOptions): Promise<ProjectInfo>
  listProject(options?: CallOptions): AsyncIterable<ProjectInfo>
  deleteProject(request: { project: string; force?: boolean }, options?: CallOptions): Promise<void>

  createRepo(request: { repo: Repo; description?: string; update?: boolean }, options?: CallOptions): Promise<void>
  inspectRepo(repo: Repo, options?: CallOptions): Promise<RepoInfo>
  /** Repos in the order of project and name; `type` absent is every type, `projects` absent every project. */
  listRepo(request: { type?: RepoType; projects?: readonly string[] }, options?: CallOptions): AsyncIterable<RepoInfo>
  /** False where the repo is not there or the caller may not delete it: pachd does not tell which. */
  deleteRepo(request: { repo: Repo; force?: boolean }, options?: CallOptions): Promise<boolean>

  createBranch(
    request: { branch: Branch; head?: Commit; provenance?: readonly Branch[]; newCommitSet?: boolean },
    options?: CallOptions,
  ): Promise<void>
  inspectBranch(branch: Branch, options?: CallOptions): Promise<BranchInfo>
  listBranch(request: { repo: Repo; reverse?: boolean }, options?: CallOptions): AsyncIterable<BranchInfo>
  deleteBranch(request: { branch: Branch; force?: boolean }, options?: CallOptions): Promise<void>

  startCommit(
    request: { branch: Branch; parent?: Commit; description?: string },
    options?: CallOptions,
  ): Promise<Commit>
  finishCommit(
    request: { commit: Commit; description?: string; error?: string; force?: boolean },
    options?: CallOptions,
  ): Promise<void>
  inspectCommit(request: { commit: Commit; wait?: CommitState }, options?: CallOptions): Promise<CommitInfo>
  /** Newest first. `to` is where to start, `from` (exclusive) where to end. */
  listCommit(
    request: { repo: Repo; from?: Commit; to?: Commit; number?: number; reverse?: boolean; all?: boolean },
    options?: CallOptions,
  ): AsyncIterable<CommitInfo>
  /** The commits back from `start` that changed `filePath`, then the last one searched. */
  findCommits(
    request: { start: Commit; filePath: string; limit?: number },
    options?: CallOptions,
  ): AsyncIterable<FindCommitsResult>

  /**
   * To a branch: one commit, all or nothing, made when `operations` ends; if `operations` throws, nothing happens.
   * It creates a missing branch. To an open commit: into that commit.
   */
  modifyFile(commit: Commit, operations: FileOperations, options?: CallOptions): Promise<void>
  /** The bytes from `offset` on; the path is a glob and must match one file. */
  getFile(request: { file: File; offset?: number }, options?: CallOptions): AsyncIterable<Uint8Array>
  inspectFile(file: File, options?: CallOptions): Promise<FileInfo>
  /** Children in byte order of the full path. Of a missing path: nothing. */
  listFile(request: { file: File } & FilePage, options?: CallOptions): AsyncIterable<FileInfo>
  /** Everything below, the directory itself first. Of a missing path: NOT_FOUND. */
  walkFile(request: { file: File } & FilePage, options?: CallOptions): AsyncIterable<FileInfo>
  /** `*` stays in a segment, `**` crosses; the range seeks. */
  globFile(
    request: { commit: Commit; pattern: string; pathRange?: PathRange },
    options?: CallOptions,
  ): AsyncIterable<FileInfo>
  /** Against the parent commit where `oldFile` is absent. */
  diffFile(
    request: { newFile: File; oldFile?: File; shallow?: boolean },
    options?: CallOptions,
  ): AsyncIterable<FileDiff>

  /** The id of a file set that lives 10 minutes unless it is renewed. */
  createFileSet(operations: FileOperations, options?: CallOptions): Promise<string>
  getFileSet(request: { commit: Commit; type?: 'TOTAL' | 'DIFF' }, options?: CallOptions): Promise<string>
  addFileSet(request: { commit: Commit; fileSetId: string }, options?: CallOptions): Promise<void>
  /** `ttlSeconds` at most 1800. */
  renewFileSet(request: { fileSetId: string; ttlSeconds: number }, options?: CallOptions): Promise<void>
  /** One file set of several, appended in order. */
  composeFileSet(
    request: { fileSetIds: readonly string[]; ttlSeconds?: number; compact?: boolean },
    options?: CallOptions,
  ): Promise<string>

  /** UNIMPLEMENTED where auth is not active, UNAUTHENTICATED where the token is not known. */
  whoAmI(options?: CallOptions): Promise<WhoAmI>
  /** The token of the cluster's root user. */
  activateAuth(request: { rootToken?: string }, options?: CallOptions): Promise<string>
  getRobotToken(request: { robot: string; ttlSeconds?: number }, options?: CallOptions): Promise<string>
  modifyRoleBinding(
    request: { resource: Resource; principal: string; roles: readonly string[] },
    options?: CallOptions,
  ): Promise<void>
  /** Roles by principal. */
  getRoleBinding(resource: Resource, options?: CallOptions): Promise<ReadonlyMap<string, readonly string[]>>
}
