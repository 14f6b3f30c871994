/**
 * PFS in PFS's words: the part of pachd's `pfs_v2.API` and `auth_v2.API` that the gateway and its tests use. The gRPC
 * client, the stand-in in memory and any test double are a `PfsClient`; a refusal is thrown as a `PfsError`. What each
 * call may refuse beside what stands there: UNAUTHENTICATED and PERMISSION_DENIED where auth is active, NOT_FOUND for
 * what its request names and is not there, CANCELLED when its signal has fired, UNAVAILABLE and DEADLINE_EXCEEDED.
 *
 * Streams are AsyncIterables: leaving one early (`break`, `return`) cancels the call behind it.
 */

import type {
  Branch,
  BranchInfo,
  Commit,
  CommitInfo,
  CommitState,
  File,
  FileDiff,
  FileInfo,
  FileOperations,
  FilePage,
  FindCommitsResult,
  PathRange,
  ProjectInfo,
  Repo,
  RepoInfo,
  RepoType,
  Resource,
  WhoAmI,
} from './entities.js'

export * from './entities.js'

/** Behind every call: who asks, and when to give up. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Travels as the metadata entry `authn-token`. */
  readonly authToken?: string | undefined
  /** Follows the call for the record of a request; a PfsClient has nothing to do with it. */
  readonly observer?: CallObserver | undefined
}

/** Counts the calls that are made for a request, and their time. */
export interface CallObserver {
  /** The request; absent if the calls are for several. */
  readonly requestId?: string
  /** A call starts. */
  start(): void
  /** A call waits for PFS from now on. */
  run(): void
  /** A call waits for PFS no longer. */
  pause(): void
}

/** The calls. Whoever stands in for PFS needs only those that are used. */
export interface PfsClient {
  /** ALREADY_EXISTS unless `update` is set, with which the description changes. */
  createProject(
    request: { project: string; description?: string; update?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** NOT_FOUND, `missing` 'project'. */
  inspectProject(project: string, options?: CallOptions): Promise<ProjectInfo>
  /** Every project. */
  listProject(options?: CallOptions): AsyncIterable<ProjectInfo>
  /** FAILED_PRECONDITION where it has repos, unless `force` is set, which deletes them too. */
  deleteProject(request: { project: string; force?: boolean }, options?: CallOptions): Promise<void>

  /** ALREADY_EXISTS unless `update` is set, with which the description changes. The caller becomes the owner. */
  createRepo(request: { repo: Repo; description?: string; update?: boolean }, options?: CallOptions): Promise<void>
  /** NOT_FOUND, `missing` 'repo'. Also shows repos that the caller may not read. */
  inspectRepo(repo: Repo, options?: CallOptions): Promise<RepoInfo>
  /** Repos in the order of project and name; `type` absent is every type, `projects` absent every project. */
  listRepo(request: { type?: RepoType; projects?: readonly string[] }, options?: CallOptions): AsyncIterable<RepoInfo>
  /** False where the repo is not there or the caller may not delete it: pachd does not tell which. */
  deleteRepo(request: { repo: Repo; force?: boolean }, options?: CallOptions): Promise<boolean>

  /** Makes a branch with a finished, empty head unless `head` is given, or moves the one that is there to `head`. */
  createBranch(
    request: { branch: Branch; head?: Commit; provenance?: readonly Branch[]; newCommitSet?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** NOT_FOUND, `missing` 'branch' or 'repo'. Also shows branches of repos that the caller may not read. */
  inspectBranch(branch: Branch, options?: CallOptions): Promise<BranchInfo>
  /** Newest first; with `reverse`, oldest first. */
  listBranch(request: { repo: Repo; reverse?: boolean }, options?: CallOptions): AsyncIterable<BranchInfo>
  /** Leaves its commits. Refused where other branches are made from it, unless `force` is set. */
  deleteBranch(request: { branch: Branch; force?: boolean }, options?: CallOptions): Promise<void>

  /** Opens a commit and moves the branch to it, or makes the branch. `refusal` 'output-branch' for a pipeline's. */
  startCommit(
    request: { branch: Branch; parent?: Commit; description?: string },
    options?: CallOptions,
  ): Promise<Commit>
  /** Closes a commit; `error` marks what it holds as void. `refusal` 'finished' where that has been done. */
  finishCommit(
    request: { commit: Commit; description?: string; error?: string; force?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** The commit by its id; with `wait`, not before it has come so far. */
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
  /** The bytes from `offset` on; the path is a glob and must match one file, of those in `pathRange`. */
  getFile(
    request: { file: File; offset?: number; pathRange?: PathRange },
    options?: CallOptions,
  ): AsyncIterable<Uint8Array>
  /**
   * A TAR archive of all that matches the path, a glob, in `pathRange`: many small files in one call. NOT_FOUND, `missing`
   * 'file', if nothing matches.
   */
  getFileTar(request: { file: File; pathRange?: PathRange }, options?: CallOptions): AsyncIterable<Uint8Array>
  /** NOT_FOUND, `missing` 'file' where nothing is at the path; a directory is scanned for its size. */
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
  /** The id of a file set of all that a commit holds, or of what it changed. */
  getFileSet(request: { commit: Commit; type?: 'TOTAL' | 'DIFF' }, options?: CallOptions): Promise<string>
  /** Into an open commit. */
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
  /** A token for a robot user; it does not expire without `ttlSeconds`. */
  getRobotToken(request: { robot: string; ttlSeconds?: number }, options?: CallOptions): Promise<string>
  /** Replaces the roles of a principal on a resource; none takes them away. */
  modifyRoleBinding(
    request: { resource: Resource; principal: string; roles: readonly string[] },
    options?: CallOptions,
  ): Promise<void>
  /** Roles by principal. */
  getRoleBinding(resource: Resource, options?: CallOptions): Promise<ReadonlyMap<string, readonly string[]>>
}
