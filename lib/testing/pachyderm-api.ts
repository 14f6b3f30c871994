import type { Branch, CallOptions, Commit, PfsClient, ProjectInfo } from '../pfs/client.js'

/**
 * The part of pachd's `pfs_v2.API` and `auth_v2.API` that the gateway does not call: methods with which tests prepare and
 * inspect PFS, and which Pachyderm's own clients call on a server of `servePfs`.
 */
export interface PachydermApi extends PfsClient {
  /** Fails with ALREADY_EXISTS unless `update` is set, which changes the description. */
  createProject(
    request: { project: string; description?: string; update?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** All projects. */
  listProject(options?: CallOptions): AsyncIterable<ProjectInfo>
  /** Fails with FAILED_PRECONDITION if it has repos, unless `force` is set, which deletes them, too. */
  deleteProject(request: { project: string; force?: boolean }, options?: CallOptions): Promise<void>

  /** Opens a commit at the head of a branch, which it creates if missing. `refusal` 'output-branch' for a pipeline's. */
  startCommit(
    request: { branch: Branch; parent?: Commit; description?: string },
    options?: CallOptions,
  ): Promise<Commit>
  /** Closes a commit; `error` marks it as failed. `refusal` 'finished' if it was closed before. */
  finishCommit(
    request: { commit: Commit; description?: string; error?: string; force?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /** The commits, from `start` back, that changed `filePath`, followed by the last commit searched. */
  findCommits(
    request: { start: Commit; filePath: string; limit?: number },
    options?: CallOptions,
  ): AsyncIterable<FindCommitsResult>

  /** Returns the id of a file set with the content of a commit ('TOTAL') or its changes ('DIFF'). */
  getFileSet(request: { commit: Commit; type?: 'TOTAL' | 'DIFF' }, options?: CallOptions): Promise<string>
  /** Extends the life of a file set to `ttlSeconds`, at most 1800. */
  renewFileSet(request: { fileSetId: string; ttlSeconds: number }, options?: CallOptions): Promise<void>

  /** Returns the token of the cluster's root user. */
  activateAuth(request: { rootToken?: string }, options?: CallOptions): Promise<string>
  /** Creates a token for a robot user; it never expires without `ttlSeconds`. */
  getRobotToken(request: { robot: string; ttlSeconds?: number }, options?: CallOptions): Promise<string>
  /** Replaces the roles of a principal on a resource; an empty list removes them. */
  modifyRoleBinding(
    request: { resource: Resource; principal: string; roles: readonly string[] },
    options?: CallOptions,
  ): Promise<void>
  /** Roles by principal. */
  getRoleBinding(resource: Resource, options?: CallOptions): Promise<ReadonlyMap<string, readonly string[]>>
}

/** A commit that changed the file; at the end, the last commit searched, after `commitsSearched` others. */
export type FindCommitsResult =
  | { readonly foundCommit: Commit; readonly commitsSearched: number }
  | { readonly lastSearchedCommit: Commit; readonly commitsSearched: number }

/** The kinds of resources that have roles. */
export type ResourceType = 'CLUSTER' | 'REPO' | 'SPEC_REPO' | 'PROJECT' | 'JOB'

/** A resource that has roles. */
export interface Resource {
  readonly type: ResourceType
  /** `project/repo` for a REPO; '' for the CLUSTER. */
  readonly name: string
}
