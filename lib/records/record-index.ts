import { markerContent, markerEvent } from './markers.js'
import type { ObjectRecord } from './record.js'
import { markedDirectory, type RecordName, unmarked } from './record-path.js'

/**
 * The index of the records branch: empty files by which listings find records:
 *
 *     /hidden/master/da/fc.txt/27c9…    version 27c9… of /a/c.txt is hidden
 *     /versioned/master/a/b%2F          the directory marker a/b/ has versions
 *     /visible/master/a/b%2F            and currently exists
 *
 * The files of markers sort last, since PFS reads to the end of a commit if a listing ends before its page is full.
 */
export type MarkerIndex = 'versioned' | 'visible'

/** A file of the index, and whether it must exist. */
export interface IndexEntry {
  readonly path: string
  readonly isThere: boolean
}

/** The index files of a record that changed from `before` to `record`; null if it was deleted. */
export function indexEntries(
  { path, content }: RecordName,
  before: ObjectRecord | undefined,
  record: ObjectRecord | null,
): readonly IndexEntry[] {
  const [, commitId, branch] = /^hidden-([0-9a-f]{32})-(.+)$/.exec(content) ?? []
  if (branch !== undefined) {
    return [{ path: `/hidden/${branch}${markedDirectory(path)}${commitId}`, isThere: record !== null }]
  }
  if (content !== markerContent) return []
  const versions = [...(before?.versions ?? []), ...(record?.versions ?? [])]
  const branches = new Set(versions.flatMap((version) => (version.marker === undefined ? [] : [version.branch])))
  return [...branches].flatMap((each) => {
    const last = markerEvent(record ?? undefined, each)
    return [
      { path: `${markerRoot('versioned', each)}${path}`, isThere: last !== undefined },
      { path: `${markerRoot('visible', each)}${path}`, isThere: last?.marker === 'made' },
    ]
  })
}

/** The directory, without a trailing slash, that lists the directory markers of a branch by path. */
export function markerRoot(index: MarkerIndex, branch: string): string {
  return `/${index}/${branch}`
}

/** The directory, with its slash, of a branch's hidden versions at or below a path; a directory's path ends with `/`. */
export function hiddenDirectory(branch: string, path: string): string {
  const marked = path.endsWith('/') ? markedDirectory(`${path}x`).slice(0, -'fx/'.length) : markedDirectory(path)
  return `/hidden/${branch}${marked}`
}

/** Parses a path of the index of hidden versions. */
export function readHiddenPath(listed: string): { readonly path: string; readonly commitId: string } {
  const [, , , ...segments] = listed.split('/')
  const commitId = segments.pop() ?? ''
  return { path: unmarked(segments), commitId }
}
