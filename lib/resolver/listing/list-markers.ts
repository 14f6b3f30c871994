import type { Branch, CallOptions, FileInfo, PfsClient } from '../../pfs/client.js'
import { emptyFileHash } from '../../pfs/file-hash.js'
import { type MarkerIndex, markerRoot } from '../../records/record-index.js'
import type { RecordStore } from '../../records/record-store.js'
import type { KeyCodec } from '../key.js'
import { compareBytes } from '../key-order.js'
import { type Listed, type ListPage, type ListQuery, listKeys } from './list-keys.js'
import type { PageMemory } from './path-reader.js'

/** The branch whose directory markers are listed, and the caller's rights. */
export interface MarkerSource {
  readonly pfs: PfsClient
  readonly records: RecordStore
  readonly keys: KeyCodec
  readonly pages: PageMemory
  readonly branch: Branch
  readonly options: CallOptions
}

/**
 * Reads one page of the directory markers of a branch: existing ones, or all that have versions. The index of the records
 * lists them by the paths of their keys; their records contain everything else.
 */
export async function listMarkers(source: MarkerSource, index: MarkerIndex, query: ListQuery): Promise<ListPage> {
  const { records, keys, branch, options } = source
  // Without escapes, no path belongs to a key that ends with a slash.
  const commit = keys.hasEscapes ? await records.markerCommit(branch, options) : undefined
  if (commit === undefined) return { entries: [], isTruncated: false }
  const root = markerRoot(index, branch.name)
  const page = await listKeys({ ...source, commit, keys: below(root, keys) }, query)
  const entries = page.entries.map((entry): Listed => {
    if (entry.kind === 'prefix') return entry
    return { ...entry, info: withoutFile(branch, entry.info.file.path.slice(root.length)) }
  })
  return { ...page, entries }
}

/** A marker has the hash of an empty file; other fields come from its record. */
function withoutFile({ repo, name }: Branch, path: string): FileInfo {
  const file = { commit: { repo, branch: name, id: noCommit }, path }
  return { file, fileType: 'FILE', sizeBytes: 0, hash: emptyFileHash }
}

/** Replaces the commit id in the entry of a marker, which is not part of a commit. */
const noCommit = '0'.repeat(32)

/** Whether an entry of a page is a directory marker. */
export function isMarkerEntry({ file }: FileInfo): boolean {
  return file.commit.id === noCommit
}

/** The codec of keys whose paths are below `root`. */
function below(root: string, keys: KeyCodec): KeyCodec {
  return {
    pathFromKey: (key) => root + keys.pathFromKey(key),
    keyFromPath: (path) => keys.keyFromPath(path.slice(root.length)),
    prefixFromDirectory: (path) => keys.prefixFromDirectory(path.slice(root.length)),
    directoryFromPrefix: (prefix) => {
      const directory = keys.directoryFromPrefix(prefix)
      return directory && root + directory
    },
    startFromPrefix: (prefix) => root + keys.startFromPrefix(prefix),
    hasEscapes: keys.hasEscapes,
  }
}

/** Merges two pages of the same query; for a key or prefix in both, uses the entry of the first. */
export function mergePages(first: ListPage, second: ListPage, limit: number): ListPage {
  const named = new Map([...second.entries, ...first.entries].map((entry) => [nameOf(entry), entry]))
  const entries = [...named.values()].sort((a, b) => compareBytes(nameOf(a), nameOf(b)))
  return {
    entries: entries.slice(0, limit),
    isTruncated: first.isTruncated || second.isTruncated || entries.length > limit,
  }
}

function nameOf(entry: Listed): string {
  return entry.kind === 'prefix' ? entry.prefix : entry.key
}
