import type { CallOptions, Commit, FindCommitsResult, PfsClient, ProjectInfo, Resource } from '../pfs/client.js'

/**
 * More of pachd's `pfs_v2.API` and `auth_v2.API` than the gateway calls: the methods with which tests prepare a PFS and
 * look into it, and which Pachyderm's own clients call on a server of `servePfs`.
 */
export interface PachydermApi extends PfsClient {
  /** ALREADY_EXISTS unless `update` is set, with which the description changes. */
  createProject(
    request: { project: string; description?: string; update?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** Every project. */
  listProject(options?: CallOptions): AsyncIterable<ProjectInfo>
  /** FAILED_PRECONDITION if it has repos, unless `force` is set, which deletes them too. */
  deleteProject(request: { project: string; force?: boolean }, options?: CallOptions): Promise<void>

  /** Opens a commit and moves the branch to it, or makes the branch. `refusal` 'output-branch' for a pipeline's. */
  startCommit(
    request: { branch: { repo: Commit['repo']; name: string }; parent?: Commit; description?: string },
    options?: CallOptions,
  ): Promise<Commit>
  /** Closes a commit; `error` marks what it holds as void. `refusal` 'finished' if it is closed. */
  finishCommit(
    request: { commit: Commit; description?: string; error?: string; force?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** The commits back from `start` that changed `filePath`, then the last one searched. */
  findCommits(
    request: { start: Commit; filePath: string; limit?: number },
    options?: CallOptions,
  ): AsyncIterable<FindCommitsResult>

  /** The id of a file set of all that a commit holds, or of what it changed. */
  getFileSet(request: { commit: Commit; type?: 'TOTAL' | 'DIFF' }, options?: CallOptions): Promise<string>
  /** `ttlSeconds` at most 1800. */
  renewFileSet(request: { fileSetId: string; ttlSeconds: number }, options?: CallOptions): Promise<void>

  /** The token of the cluster's root user. */
  activateAuth(request: { rootToken?: string }, options?: CallOptions): Promise<string>
  /** A token for a robot user; it does not expire without `ttlSeconds`. */
  getRobotToken(request: { robot: string; ttlSeconds?: number }, options?: CallOptions): Promise<string>
  /** Replaces the roles of a principal on a resource; an empty list takes them away. */
  modifyRoleBinding(
    request: { resource: Resource; principal: string; roles: readonly string[] },
    options?: CallOptions,
  ): Promise<void>
  /** Roles by principal. */
  getRoleBinding(resource: Resource, options?: CallOptions): Promise<ReadonlyMap<string, readonly string[]>>
}

/** Whether a call answers with one value or with a stream of them. */
export type CallKind = 'unary' | 'stream'

/** Every call of the API. */
export const callKinds: Readonly<Record<keyof PachydermApi, CallKind>> = {
  createProject: 'unary',
  inspectProject: 'unary',
  listProject: 'stream',
  deleteProject: 'unary',
  createRepo: 'unary',
  inspectRepo: 'unary',
  listRepo: 'stream',
  deleteRepo: 'unary',
  createBranch: 'unary',
  inspectBranch: 'unary',
  listBranch: 'stream',
  deleteBranch: 'unary',
  startCommit: 'unary',
  finishCommit: 'unary',
  inspectCommit: 'unary',
  listCommit: 'stream',
  findCommits: 'stream',
  modifyFile: 'unary',
  getFile: 'stream',
  getFileTar: 'stream',
  inspectFile: 'unary',
  listFile: 'stream',
  walkFile: 'stream',
  globFile: 'stream',
  diffFile: 'stream',
  createFileSet: 'unary',
  getFileSet: 'unary',
  addFileSet: 'unary',
  renewFileSet: 'unary',
  composeFileSet: 'unary',
  whoAmI: 'unary',
  activateAuth: 'unary',
  getRobotToken: 'unary',
  modifyRoleBinding: 'unary',
  getRoleBinding: 'unary',
}
