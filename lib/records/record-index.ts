import { markerContent, markerEvent } from './markers.js'
import type { ObjectRecord } from './record.js'
import { markedDirectory, type RecordName, unmarked } from './record-path.js'

/**
 * Empty files on the records branch by which listings find records:
 *
 *     /hidden/master/da/fc.txt/27c9…    version 27c9… of /a/c.txt is hidden
 *     /versioned/master/a/b%2F          the directory marker a/b/ has versions
 *     /visible/master/a/b%2F            and it is there now
 *
 * Those of markers lie behind all else, since PFS reads on to the end of a commit if a listing ends before its page is full.
 */
export type MarkerIndex = 'versioned' | 'visible'

/** A file of the index, and whether it is to be there. */
export interface IndexEntry {
  readonly path: string
  readonly isThere: boolean
}

/** The files of the index for a record that was `before` and is `record` now; null if it is gone. */
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

/** The directory, without its slash, below which the directory markers of a branch are listed by their paths. */
export function markerRoot(index: MarkerIndex, branch: string): string {
  return `/${index}/${branch}`
}

/** The directory, with its slash, of the hidden versions of a branch at or below a path; the path of a directory ends in `/`. */
export function hiddenDirectory(branch: string, path: string): string {
  const marked = path.endsWith('/') ? markedDirectory(`${path}x`).slice(0, -'fx/'.length) : markedDirectory(path)
  return `/hidden/${branch}${marked}`
}

/** Reads a path of the index of hidden versions. */
export function readHiddenPath(listed: string): { readonly path: string; readonly commitId: string } {
  const [, , , ...segments] = listed.split('/')
  const commitId = segments.pop() ?? ''
  return { path: unmarked(segments), commitId }
}
