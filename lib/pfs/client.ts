/**
 * PFS in PFS's words: the part of pachd's `pfs_v2.API` and `auth_v2.API` that the gateway uses. The gRPC
 * client, PFS in memory and any mock are a `PfsClient`; they throw a `PfsError` if PFS refuses a call. Every call may fail
 * with UNAUTHENTICATED and PERMISSION_DENIED (if auth is active), NOT_FOUND (if an entity in the request is missing),
 * CANCELLED (if its signal has fired), UNAVAILABLE and DEADLINE_EXCEEDED; the comments below list only other errors.
 *
 * Streams are AsyncIterables: leaving one early (`break`, `return`) cancels its call.
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
  PathRange,
  ProjectInfo,
  Repo,
  RepoInfo,
  RepoType,
  WhoAmI,
} from './entities.js'

export * from './entities.js'

/** Options of every call. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** The Pachyderm token of the caller, sent as the metadata entry `authn-token`. */
  readonly authToken?: string | undefined
  /** Measures the call for the log; a PfsClient does not need to use it. */
  readonly observer?: CallObserver | undefined
}

/** Counts and times the PFS calls of a request. */
export interface CallObserver {
  /** The id of the request; undefined if several requests share the calls. */
  readonly requestId?: string
  /** A call has started. */
  start(): void
  /** A call begins to wait for PFS. */
  run(): void
  /** A call no longer waits for PFS. */
  pause(): void
}

/**
 * The calls that the gateway makes, and no others of pachd's; `PachydermApi` of the entry for tests has more of them.
 * Projects: inspectProject. Repos: createRepo, inspectRepo, listRepo, deleteRepo. Branches: createBranch, inspectBranch,
 * listBranch, deleteBranch. Commits: inspectCommit, listCommit. Files: modifyFile, getFile, getFileTar, inspectFile,
 * listFile, walkFile, globFile, diffFile. File sets: createFileSet, addFileSet, composeFileSet. Auth: whoAmI.
 *
 * For a mock of some of them, see `mockPfs` of that entry.
 */
export interface PfsClient {
  /** Fails with NOT_FOUND, `missing` 'project'. */
  inspectProject(project: string, options?: CallOptions): Promise<ProjectInfo>

  /** Fails with ALREADY_EXISTS unless `update` is set, which changes the description. The caller becomes the owner. */
  createRepo(request: { repo: Repo; description?: string; update?: boolean }, options?: CallOptions): Promise<void>
  /** Fails with NOT_FOUND, `missing` 'repo'. Also returns repos that the caller may not read. */
  inspectRepo(repo: Repo, options?: CallOptions): Promise<RepoInfo>
  /** Repos sorted by project and name; every type without `type`, every project without `projects`. */
  listRepo(request: { type?: RepoType; projects?: readonly string[] }, options?: CallOptions): AsyncIterable<RepoInfo>
  /** Returns false if the repo is missing or the caller may not delete it: pachd does not distinguish the two. */
  deleteRepo(request: { repo: Repo; force?: boolean }, options?: CallOptions): Promise<boolean>

  /** Creates a branch at `head`, or with a finished, empty commit; moves an existing branch to `head`. */
  createBranch(
    request: { branch: Branch; head?: Commit; provenance?: readonly Branch[]; newCommitSet?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** Fails with NOT_FOUND, `missing` 'branch' or 'repo'. Also returns branches of repos that the caller may not read. */
  inspectBranch(branch: Branch, options?: CallOptions): Promise<BranchInfo>
  /** Newest first; with `reverse`, oldest first. */
  listBranch(request: { repo: Repo; reverse?: boolean }, options?: CallOptions): AsyncIterable<BranchInfo>
  /** Keeps its commits. Fails if other branches have it as provenance, unless `force` is set. */
  deleteBranch(request: { branch: Branch; force?: boolean }, options?: CallOptions): Promise<void>

  /** Returns a commit; with `wait`, only after it has reached that state. */
  inspectCommit(request: { commit: Commit; wait?: CommitState }, options?: CallOptions): Promise<CommitInfo>
  /** Newest first, from `to` (inclusive) back to `from` (exclusive). */
  listCommit(
    request: { repo: Repo; from?: Commit; to?: Commit; number?: number; reverse?: boolean; all?: boolean },
    options?: CallOptions,
  ): AsyncIterable<CommitInfo>

  /**
   * On a branch: makes one commit when `operations` ends, atomically; if `operations` throws, nothing is changed. Creates a
   * missing branch. On an open commit: changes that commit.
   */
  modifyFile(commit: Commit, operations: FileOperations, options?: CallOptions): Promise<void>
  /** The bytes from `offset` on; the path is a glob that must match exactly one file in `pathRange`. */
  getFile(
    request: { file: File; offset?: number; pathRange?: PathRange },
    options?: CallOptions,
  ): AsyncIterable<Uint8Array>
  /**
   * A TAR archive of everything in `pathRange` that matches the path, a glob: many small files in one call. Fails with
   * NOT_FOUND, `missing` 'file', if nothing matches.
   */
  getFileTar(request: { file: File; pathRange?: PathRange }, options?: CallOptions): AsyncIterable<Uint8Array>
  /** Fails with NOT_FOUND, `missing` 'file'. For a directory, PFS scans everything in it to compute the size. */
  inspectFile(file: File, options?: CallOptions): Promise<FileInfo>
  /** The children of a directory in byte order of the full path; empty for a missing path. */
  listFile(request: { file: File } & FilePage, options?: CallOptions): AsyncIterable<FileInfo>
  /** Everything below a directory, after the directory itself. Fails with NOT_FOUND for a missing path. */
  walkFile(request: { file: File } & FilePage, options?: CallOptions): AsyncIterable<FileInfo>
  /** The files that match a glob: `*` stays within a segment, `**` does not. `pathRange` is used as an index. */
  globFile(
    request: { commit: Commit; pattern: string; pathRange?: PathRange },
    options?: CallOptions,
  ): AsyncIterable<FileInfo>
  /** Compares two files; without `oldFile`, compares with the parent commit. */
  diffFile(
    request: { newFile: File; oldFile?: File; shallow?: boolean },
    options?: CallOptions,
  ): AsyncIterable<FileDiff>

  /** Returns the id of a file set, which lives for 10 minutes unless it is renewed. */
  createFileSet(operations: FileOperations, options?: CallOptions): Promise<string>
  /** Adds a file set to an open commit. */
  addFileSet(request: { commit: Commit; fileSetId: string }, options?: CallOptions): Promise<void>
  /** Composes file sets; files of the same path are appended in order. */
  composeFileSet(
    request: { fileSetIds: readonly string[]; ttlSeconds?: number; compact?: boolean },
    options?: CallOptions,
  ): Promise<string>

  /** Fails with UNIMPLEMENTED if auth is not active, with UNAUTHENTICATED for an unknown token. */
  whoAmI(options?: CallOptions): Promise<WhoAmI>
}
