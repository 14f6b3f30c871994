/** What PFS holds and is sent, in PFS's words; `client.ts` has the calls and hands these names on. */

/** 'user' is what people and pipelines make; 'meta' and 'spec' are pachd's own, beside a user repo of the same name. */
export type RepoType = 'user' | 'meta' | 'spec'

/** A repo by its full name. */
export interface Repo {
  readonly project: string
  readonly name: string
  readonly type: RepoType
}

/** A branch by its full name. */
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

/** The head of a branch as the commit of a request. */
export function headOf({ repo, name }: Branch): Commit {
  return { repo, branch: name }
}

/** A file or directory at a commit; with `datum`, only what that datum wrote there. */
export interface File {
  readonly commit: Commit
  /** Absolute, as in `/dir/file`. */
  readonly path: string
  readonly datum?: string
}

/** The repo under which pachd shows file sets as commits (`__filesets__`). */
export const fileSetRepo: Repo = { project: 'default', name: '__filesets__', type: 'user' }

/** What the caller may do with a repo, and by which roles. */
export interface AuthInfo {
  /** Names of `auth_v2.Permission`, such as `REPO_READ`. */
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
}

/** A project as pachd shows it. */
export interface ProjectInfo {
  readonly name: string
  readonly description: string
  readonly createdAt?: Date
}

/** A repo as pachd shows it. */
export interface RepoInfo {
  readonly repo: Repo
  readonly description: string
  readonly created?: Date
  /** Of the newest commit of `master` that is closed. */
  readonly sizeBytesUpperBound: number
  readonly branches: readonly Branch[]
  /** Absent where auth is not active. */
  readonly authInfo?: AuthInfo
  /** Of the newest commit of `master` that is finished; only in `inspectRepo`. */
  readonly sizeBytes?: number
}

/** A branch as pachd shows it: where it points, the branches that it is made from, and those that are made from it. */
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

/** Who made a commit: a user, pachd for a pipeline or a new branch, or its repair. */
export type OriginKind = 'USER' | 'AUTO' | 'FSCK'

/** A commit as pachd shows it: `started`, closed for writes at `finishing`, and `finished` once it is validated. */
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

/** How far a commit is; to wait for READY is to wait for the commits that it is made from. */
export type CommitState = 'STARTED' | 'READY' | 'FINISHING' | 'FINISHED'

/** PFS has no other kinds. */
export type FileType = 'FILE' | 'DIR'

/** A file or directory as pachd shows it. */
export interface FileInfo {
  /** `file.path` is absolute; a directory's ends in `/`. */
  readonly file: File
  readonly fileType: FileType
  /** The time of the commit that was read, not of the file's last change; absent while that commit is open. */
  readonly committed?: Date
  /** Of a directory, all that is below it. */
  readonly sizeBytes: number
  /** 32 bytes: equal content, equal hash. */
  readonly hash: Uint8Array
}

/**
 * One message of `ModifyFile` or `CreateFileSet` after the first. `addFile` appends bytes to a file. `deleteFile` deletes
 * a file, or with a slash at the end of its path a directory. `copyFile` copies a file or directory in the place of what
 * is there, or with `append` behind it.
 */
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

/** The messages in the order in which they take effect; each is asked for when the one before it has been sent. */
export type FileOperations = AsyncIterable<FileOperation> | Iterable<FileOperation>

/** Largest `raw` of one `addFile` that every pachd takes; its receive limit is 4 MiB for the whole message. */
export const maxRawBytes = 1024 * 1024

/** A stretch of paths in byte order. */
export interface PathRange {
  /** Inclusive; '' is the start. */
  readonly lower: string
  /** Exclusive; '' is the end. */
  readonly upper: string
}

/** Where a listing begins, how long it is, and which way it goes. */
export interface FilePage {
  /** A path; exclusive, and need not exist. */
  readonly paginationMarker?: string
  /** At most 100,000; 0 is all. */
  readonly number?: number
  readonly reverse?: boolean
}

/** A path at which two commits differ; the side on which nothing is there is absent. */
export interface FileDiff {
  readonly newFile?: FileInfo
  readonly oldFile?: FileInfo
}

/** A commit that changed the file, or at the end the last one that was looked at; `commitsSearched` were before it. */
export type FindCommitsResult =
  | { readonly foundCommit: Commit; readonly commitsSearched: number }
  | { readonly lastSearchedCommit: Commit; readonly commitsSearched: number }

/** Whom a token stands for. */
export interface WhoAmI {
  /** With its kind before it, such as `robot:name` or `pach:root`. */
  readonly username: string
  /** Absent for a token that does not expire. */
  readonly expiration?: Date
}

/** What roles are given on. */
export type ResourceType = 'CLUSTER' | 'REPO' | 'SPEC_REPO' | 'PROJECT' | 'JOB'

/** A thing that roles are given on. */
export interface Resource {
  readonly type: ResourceType
  /** `project/repo` for a REPO; '' for the CLUSTER. */
  readonly name: string
}
