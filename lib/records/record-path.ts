import { randomBytes } from 'node:crypto'
import { asBuffer } from '../encoding.js'
import type { Branch, PathRange, Repo } from '../pfs/client.js'
import { prefixEnd } from '../pfs/path.js'

/**
 * The paths of records on their branch. Each segment of a file's path gets a prefix, `d` for a directory and `f` for the
 * file itself. So a file and a directory of the same name (on two branches, for example) can both have records, and the
 * files of a directory are neighbours, after its subdirectories:
 *
 *     /a/b/c.txt with the hash 9f…   →   /objects/da/db/fc.txt/9f…
 */
const objects = '/objects'

/**
 * Identifies the content of a record: PFS's hash in hex; `pending-` and 32 hex digits for a content whose hash is not known
 * yet; or `hidden-`, a commit and a branch for a hidden version, whatever its content.
 */
export type ContentId = string

/** The id of the content of a file, from PFS's hash. */
export function contentIdOf(hash: Uint8Array): ContentId {
  return asBuffer(hash).toString('hex')
}

/** The records branch of a repo, in the `meta` repo beside it, which shares its rights. */
export function recordsBranch({ project, name }: Repo): Branch {
  return { repo: { project, name, type: 'meta' }, name: 's3-records' }
}

/** Identifies a record. */
export interface RecordName {
  /** The user repo. */
  readonly repo: Repo
  /** The path of the key in the repo. */
  readonly path: string
  readonly content: ContentId
}

/** The id of a content whose hash is not known yet. */
export function createPendingId(now = new Date()): ContentId {
  return `pending-${now.getTime().toString(16).padStart(11, '0')}${randomBytes(16).toString('hex').slice(11)}`
}

/** When a pending id was created; undefined for another content id. */
export function pendingSince(content: ContentId): Date | undefined {
  const [, time] = /^pending-([0-9a-f]{11})/.exec(content) ?? []
  return time === undefined ? undefined : new Date(Number.parseInt(time, 16))
}

/** The id of the record that hides a version. */
export function hiddenId(commitId: string, branch: string): ContentId {
  return `hidden-${commitId}-${branch}`
}

/** The directory of the records of a key, with a trailing slash. */
export function recordDirectory(path: string): string {
  return objects + markedDirectory(path)
}

/** The marked directory of a path, relative to any root. */
export function markedDirectory(path: string): string {
  const segments = path.slice(1).split('/')
  const name = segments.pop() ?? ''
  return `${segments.map((segment) => `/d${segment}`).join('')}/f${name}/`
}

/** The path of the record of a key's content. */
export function recordPath(path: string, content: ContentId): string {
  return recordDirectory(path) + content
}

/** The file and the content of a record; undefined for any other path. */
export function readRecordPath(recorded: string): { readonly path: string; readonly content: ContentId } | undefined {
  const segments = recorded.slice(objects.length + 1).split('/')
  const content = segments.pop() ?? ''
  const name = segments.pop() ?? ''
  const isRecord =
    recorded.startsWith(`${objects}/`) &&
    /^([0-9a-f]{64}|pending-[0-9a-f]{32}|hidden-[0-9a-f]{32}-[\w-]+)$/.test(content) &&
    name.startsWith('f') &&
    segments.every((segment) => segment.startsWith('d'))
  return isRecord ? { path: unmarked([...segments, name]), content } : undefined
}

/** The path of a file from the segments of its marked directory. */
export function unmarked(segments: readonly string[]): string {
  return `/${segments.map((segment) => segment.slice(1)).join('/')}`
}

/** Whether the key at a path ends with `/`. */
export function isMarkerPath(path: string): boolean {
  return path.endsWith('%2F')
}

/** The directory of a file; '' for the root. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/** The directory above the records of the files of a directory, and of its subdirectories. */
export function directoryOfFiles(directory: string): string {
  return parentOf(rangeOfFiles(directory).lower)
}

/** The range that contains the records of the files of a directory, without those of its subdirectories. */
export function rangeOfFiles(directory: string): PathRange {
  const lower = recordDirectory(`${directory}/`).slice(0, -1)
  return { lower, upper: prefixEnd(lower) }
}

/** The range that contains all records of a sorted list of record directories. */
export function rangeOfDirectories(directories: readonly string[]): PathRange {
  const lower = directories[0] ?? ''
  const last = directories.at(-1) ?? ''
  // '0' is the character after '/'.
  return { lower, upper: `${last.slice(0, -1)}0` }
}
