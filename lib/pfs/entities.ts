/** The entities of PFS in PFS's words; `client.ts` has the calls and exports these types, too. */

/** 'user' repos belong to users and pipelines; 'meta' and 'spec' repos to pachd, beside a user repo of the same name. */
export type RepoType = 'user' | 'meta' | 'spec'

/** A repo, by project, name and type. */
export interface Repo {
  readonly project: string
  readonly name: string
  readonly type: RepoType
}

/** Identifies a repo, whatever its type. */
export function repoId({ project, name }: Repo): string {
  return `${project}/${name}`
}

/** Identifies a commit of a repo. */
export function repoCommitId({ project, name, type }: Repo, commitId: string): string {
  return `${project}/${name}.${type}@${commitId}`
}

/** A branch, by repo and name. */
export interface Branch {
  readonly repo: Repo
  readonly name: string
}

/**
 * A commit: by `id`, which takes precedence, or the head of `branch`. Either may end in `^` or `^2` to address an ancestor.
 * A file set is read as a commit of `fileSetRepo` with the id of the file set.
 */
export interface Commit {
  readonly repo: Repo
  readonly id?: string
  readonly branch?: string
}

/** The head of a branch, as a commit for requests. */
export function headOf({ repo, name }: Branch): Commit {
  return { repo, branch: name }
}

/** A file or directory in a commit; with `datum`, only the content that this datum wrote. */
export interface File {
  readonly commit: Commit
  /** Absolute, such as '/dir/file'. */
  readonly path: string
  readonly datum?: string
}

/** The repo whose commits are file sets (`__filesets__`). */
export const fileSetRepo: Repo = { project: 'default', name: '__filesets__', type: 'user' }

/** The permissions and roles of the caller on a repo. */
export interface AuthInfo {
  /** Names from `auth_v2.Permission`, such as `REPO_READ`. */
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
}

/** A project, as pachd returns it. */
export interface ProjectInfo {
  readonly name: string
  readonly description: string
  readonly createdAt?: Date
}

/** A repo, as pachd returns it. */
export interface RepoInfo {
  readonly repo: Repo
  readonly description: string
  readonly created?: Date
  /** Size of the newest closed commit of `master`, in bytes. */
  readonly sizeBytesUpperBound: number
  readonly branches: readonly Branch[]
  /** Undefined if auth is not active. */
  readonly authInfo?: AuthInfo
  /** Size of the newest finished commit of `master`, in bytes; only from `inspectRepo`. */
  readonly sizeBytes?: number
}

/** A branch, as pachd returns it: its head, and its provenance in both directions. */
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

/** The creator of a commit: a user, pachd for a pipeline or a new branch, or pachd's repair. */
export type OriginKind = 'USER' | 'AUTO' | 'FSCK'

/** A commit, as pachd returns it: `started`, closed for writes at `finishing`, `finished` after validation. */
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
  /** Set if pachd could not validate the commit; the next commit does not contain its content. */
  readonly error: string
  readonly sizeBytesUpperBound: number
  readonly sizeBytes?: number
  readonly createdBy: string
  readonly createdAt?: Date
  readonly updatedAt?: Date
}

/** The state of a commit; a commit is READY when all commits of its provenance are finished. */
export type CommitState = 'STARTED' | 'READY' | 'FINISHING' | 'FINISHED'

/** The kinds of entries in a commit. */
export type FileType = 'FILE' | 'DIR'

/** A file or directory, as pachd returns it. */
export interface FileInfo {
  /** Its path is absolute; that of a directory ends with `/`. */
  readonly file: File
  readonly fileType: FileType
  /** The finish time of the commit that was read, not of the last change of the file; undefined while it is open. */
  readonly committed?: Date
  /** For a directory, the total of all files below it. */
  readonly sizeBytes: number
  /** 32 bytes; files with the same content have the same hash. */
  readonly hash: Uint8Array
}

/**
 * A message of `ModifyFile` or `CreateFileSet` after the first. `addFile` appends bytes to a file. `deleteFile` deletes a
 * file, or a directory if its path ends with a slash. `copyFile` replaces its destination with a copy of a file or
 * directory, or with `append` adds the copy to it.
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

/** The messages in order; each one is requested after the previous one has been sent. */
export type FileOperations = AsyncIterable<FileOperation> | Iterable<FileOperation>

/** Maximum size of `raw` in an `addFile`, in bytes, that every pachd accepts; pachd limits a message to 4 MiB. */
export const maxRawBytes = 1024 * 1024

/** A range of paths in byte order. */
export interface PathRange {
  /** Inclusive; '' is the start. */
  readonly lower: string
  /** Exclusive; '' is the end. */
  readonly upper: string
}

/** The page of a listing. */
export interface FilePage {
  /** Starts after this path (exclusive), which need not exist. */
  readonly paginationMarker?: string
  /** Maximum number of entries, at most 100,000; 0 means all. */
  readonly number?: number
  readonly reverse?: boolean
}

/** A path that differs between two commits; a side is undefined if the path is missing there. */
export interface FileDiff {
  readonly newFile?: FileInfo
  readonly oldFile?: FileInfo
}

/** The owner of a token. */
export interface WhoAmI {
  /** With its kind as a prefix, such as `robot:name` or `pach:root`. */
  readonly username: string
  /** Undefined for a token that never expires. */
  readonly expiration?: Date
}
