import { mapWithLimit, yieldTurn } from '../../concurrency.js'
import { asBuffer } from '../../encoding.js'
import { invalidArgument } from '../../errors.js'
import type { ByteAccount } from '../../http/byte-budget.js'
import type { Branch, CallOptions, Commit } from '../../pfs/client.js'
import { emptyFileHash } from '../../pfs/file-hash.js'
import { markerContent } from '../../records/markers.js'
import { descriptionAt, emptyRecord, type RecordedChecksum } from '../../records/record.js'
import type { RecordStore } from '../../records/record-store.js'
import type { KeyCodec } from '../key.js'
import { afterEveryCharacter, compareBytes } from '../key-order.js'
import { etagFromHash } from '../object.js'
import type { ChangeLog, KeyChange } from './changes.js'
import type { History, Revision } from './history.js'
import { createVersionPage, type VersionPage, type VersionQuery } from './version-page.js'

/** The content of a version. */
interface ListedContent {
  /** With quotes. */
  readonly etag: string
  readonly size: number
  /** Undefined if no record contains one. */
  readonly checksum: RecordedChecksum | undefined
}

/** A version of an object, a delete marker, or a common prefix of several keys. */
export type ListedVersion =
  | {
      readonly kind: 'version'
      readonly key: string
      /** The commit that wrote or removed the key. */
      readonly versionId: string
      readonly lastModified: Date
      readonly isLatest: boolean
      /** Undefined for a delete marker. */
      readonly object: ListedContent | undefined
    }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** Sorted by key in byte order, newest version first. */
export interface ListedVersions {
  readonly entries: readonly ListedVersion[]
  /** Whether there are more entries. */
  readonly isTruncated: boolean
}

/** The bucket to list, and the caller's rights. */
interface VersionListSource {
  readonly records: RecordStore
  readonly keys: KeyCodec
  readonly changes: ChangeLog
  readonly history: History
  /** Counts the hidden versions. */
  readonly memory: ByteAccount
  /** The end of the history. */
  readonly commit: Commit
  readonly branch: Branch
  /** Keys of the page that have versions as directory markers, and common prefixes of such keys. */
  readonly markers: { readonly paths: readonly string[]; readonly prefixes: readonly string[] }
  readonly options: CallOptions
}

/** Concurrent diffs per request. */
const maxDiffs = 8

/**
 * Reads one page. A version is a commit that changed the content of the key; writing the same bytes again is not a change.
 * Hidden versions are left out. Each page reads the history, and the changes of each commit unless they are cached. Call
 * it only if PFS has just confirmed that the caller may read the repo.
 */
export async function listVersions(
  source: VersionListSource,
  query: VersionQuery,
  versionIdMarker: string | undefined,
): Promise<ListedVersions> {
  const { records, changes, commit, branch, memory, options } = source
  const paths = pathsOf(source.keys, query.prefix)
  const [history, hiddenPaths] = await Promise.all([
    allOf(source.history.revisions(commit, options)),
    records.hiddenVersions(branch, paths, memory.hold, options),
  ])
  const hidden = new Map<string, ReadonlySet<string>>()
  for (const [path, commitIds] of hiddenPaths) {
    await yieldTurn()
    hidden.set(source.keys.keyFromPath(path), commitIds)
  }
  const markerAge = versionIdMarker === undefined ? undefined : ageOf(history, versionIdMarker)
  const hiddenChanges = new Map<string, KeyChange>()
  const page = createVersionPage(query, markerAge, (age, change) => {
    const { key, hash } = change
    if (hidden.get(key)?.has(history[age]?.commit.id ?? '') !== true) return true
    if (hash !== undefined) hiddenChanges.set(hash + key, change)
    return false
  })
  await mapWithLimit(maxDiffs, history, async (revision, age) => {
    for (const path of paths) {
      for await (const change of changes.read(revision, path, options)) page.add(age, change)
    }
  })
  await addMarkers(source, history, page)
  const contentOf = await addRecordedVersions(source, history, page, [...hiddenChanges.values()])
  const entries = page.entries().flatMap((entry): ListedVersion[] => {
    if (entry.kind === 'prefix') return [entry]
    const { age, change, isLatest } = entry
    const revision = history[age]
    if (revision === undefined) return []
    const { key, hash } = change
    const object = hash === undefined ? undefined : contentOf(change, hash, revision)
    return [{ kind: 'version', key, object, isLatest, versionId: revision.commit.id, lastModified: revision.time }]
  })
  return { entries, isTruncated: page.isTruncated() }
}

async function allOf<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Adds the versions of directory markers, which PFS does not know. */
async function addMarkers(
  { records, keys, commit, branch, markers, options }: VersionListSource,
  history: readonly Revision[],
  page: VersionPage,
): Promise<void> {
  const hash = asBuffer(emptyFileHash).toString('latin1')
  // A key that no client has, so that no version of it is hidden.
  for (const prefix of markers.prefixes) page.add(0, { key: prefix + afterEveryCharacter, hash, size: 0 })
  if (markers.paths.length === 0) return
  const ages = new Map(history.map((revision, age) => [revision.commit.id, age]))
  for (const [path, known] of await records.readPage(commit.repo, markers.paths, options)) {
    const key = keys.keyFromPath(path)
    for (const version of known.get(markerContent)?.versions ?? []) {
      const { marker } = version
      if (version.branch !== branch.name || marker === undefined || marker === 'replaced') continue
      const age = ages.get(version.commitId)
      if (age !== undefined) page.add(age, { key, hash: marker === 'made' ? hash : undefined, size: 0 })
    }
  }
}

/**
 * Adds the versions that only records contain: PFS sees no change if the same bytes are written again. Returns a function
 * that combines a content with its record.
 */
async function addRecordedVersions(
  { records, keys, commit, branch, options }: VersionListSource,
  history: readonly Revision[],
  page: VersionPage,
  hiddenChanges: readonly KeyChange[],
): Promise<(change: KeyChange, hash: string, revision: Revision) => ListedContent> {
  const entries = page.entries()
  const shown = entries.flatMap((entry) => (entry.kind === 'version' ? [entry.change] : []))
  const last = page.isTruncated() ? entries.at(-1) : undefined
  const end = last?.kind === 'version' ? last.change.key : last?.prefix
  // The same bytes may have been written again since the version that is hidden.
  const changes = [...shown, ...hiddenChanges.filter(({ key }) => end === undefined || compareBytes(key, end) <= 0)]
  const paths = new Set(changes.map(({ key }) => keys.pathFromKey(key)))
  records.refresh(commit.repo)
  const found = await records.readPage(commit.repo, [...paths], options)
  const recordOf = ({ key }: KeyChange, hash: string) =>
    found.get(keys.pathFromKey(key))?.get(Buffer.from(hash, 'latin1').toString('hex'))
  const ages = new Map(history.map((revision, age) => [revision.commit.id, age]))
  for (const change of changes) {
    const record = change.hash === undefined ? undefined : recordOf(change, change.hash)
    for (const version of record?.versions ?? []) {
      // A commit that was open may have another content at its end.
      if (version.marker !== undefined || version.isOpen === true) continue
      const age = version.branch === branch.name ? ages.get(version.commitId) : undefined
      if (age !== undefined) page.add(age, change)
    }
  }
  return (change, hash, { commit: { id: commitId }, time }) => {
    const record = recordOf(change, hash) ?? emptyRecord
    const version = record.versions.find((each) => each.commitId === commitId)
    const { etag, checksum } = descriptionAt(record, version, { branch: branch.name, commitId, time })
    const quoted = etag === undefined ? etagFromHash(Buffer.from(hash, 'latin1')) : `"${etag}"`
    return { etag: quoted, size: change.size, checksum }
  }
}

function ageOf(history: readonly Revision[], versionId: string): number {
  const age = history.findIndex(({ commit }) => commit.id === versionId)
  if (age >= 0) return age
  throw invalidArgument('version-id-marker', { value: versionId, message: 'Invalid version id specified' })
}

/** The paths of keys that start with a prefix: a directory, and `dir/` itself beside it. */
function pathsOf(keys: KeyCodec, prefix: string): string[] {
  const directory = keys.directoryFromPrefix(prefix)
  if (directory === undefined) return []
  if (!keys.hasEscapes || prefix === '') return [directory]
  const path = keys.pathFromKey(prefix)
  return path.startsWith(directory) ? [directory] : [directory, path]
}
