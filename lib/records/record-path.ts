import { randomBytes } from 'node:crypto'
import type { PathRange, Repo } from '../pfs/client.js'

/**
 * Where records lie on their branch. Each segment of a file's path has a letter before it, `d` for a directory and `f`
 * for the file itself, so that a file and a directory of one name (on two branches, say) have records side by side, and
 * the files of one directory stand together, behind its subdirectories:
 *
 *     /a/b/c.txt with the hash 9f…   →   /objects/da/db/fc.txt/9f…
 */
const objects = '/objects'

/** Where the hidden versions of a branch can be listed: an empty file for each. */
const hiddenIndex = '/hidden'

/**
 * The content that a record is about: PFS's hash in hex, `pending-` and 32 hex digits for a content whose hash PFS has
 * not told yet, or `hidden-` with a commit and a branch for a version that is hidden, whatever its content.
 */
export type ContentId = string

/** Which record. */
export interface RecordName {
  /** The user repo. */
  readonly repo: Repo
  /** The key's path in it. */
  readonly path: string
  readonly content: ContentId
}

/** The id of a content whose hash PFS has not told yet. */
export function createPendingId(): ContentId {
  return `pending-${randomBytes(16).toString('hex')}`
}

/** The id of the record that hides a version. */
export function hiddenId(commitId: string, branch: string): ContentId {
  return `hidden-${commitId}-${branch}`
}

/** The directory of the records of one key, with its slash. */
export function recordDirectory(path: string): string {
  return objects + markedDirectory(path)
}

function markedDirectory(path: string): string {
  const segments = path.slice(1).split('/')
  const name = segments.pop() ?? ''
  return `${segments.map((segment) => `/d${segment}`).join('')}/f${name}/`
}

/** The record of one content of a key. */
export function recordPath(path: string, content: ContentId): string {
  return recordDirectory(path) + content
}

/** The file and the content that a record is about; undefined for another file. */
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

function unmarked(segments: readonly string[]): string {
  return `/${segments.map((segment) => segment.slice(1)).join('/')}`
}

/**
 * The path under which a record is listed, beside its own; undefined for most.
 *
 *     hidden-27c9… of the branch master at /a/c.txt   →   /hidden/master/da/fc.txt/27c9…
 */
export function indexPath({ path, content }: RecordName): string | undefined {
  const [, commitId, branch] = /^hidden-([0-9a-f]{32})-(.+)$/.exec(content) ?? []
  return branch === undefined ? undefined : `${hiddenIndex}/${branch}${markedDirectory(path)}${commitId}`
}

/** The directory, with its slash, of the hidden versions of a branch at or below a path; the path of a directory ends in `/`. */
export function hiddenDirectory(branch: string, path: string): string {
  const marked = path.endsWith('/') ? markedDirectory(`${path}x`).slice(0, -'fx/'.length) : markedDirectory(path)
  return `${hiddenIndex}/${branch}${marked}`
}

/** Reads a path of the index of hidden versions. */
export function readHiddenPath(listed: string): { readonly path: string; readonly commitId: string } {
  const [, , , ...segments] = listed.split('/')
  const commitId = segments.pop() ?? ''
  return { path: unmarked(segments), commitId }
}

/** The range of all records of the keys in a sorted list of record directories. */
export function rangeOf(directories: readonly string[]): PathRange {
  const lower = directories[0] ?? ''
  const last = directories.at(-1) ?? ''
  // '0' is the character behind '/'.
  return { lower, upper: `${last.slice(0, -1)}0` }
}
