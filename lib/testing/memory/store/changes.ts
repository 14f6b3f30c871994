import {
  type Content,
  createDirectory,
  type Directory,
  type FileRecord,
  type FileRecords,
  findDirectory,
  findFile,
  joinContent,
  keepPiece,
  withEntry,
} from './directory.js'
import { findViolations, type Violation } from './violations.js'
import { walkBelow, wholeTree } from './walk.js'

interface AddedRecord {
  readonly datum: string
  /** Raw bytes of one call are joined; a copied source is kept as it is. */
  readonly pieces?: Uint8Array[]
  content: Content
}

interface PathChange {
  deletedDatums: readonly string[]
  added: AddedRecord[]
}

/** The changes of one call: for each path, the datums to delete, then the content to add. */
export interface Changes {
  readonly paths: Map<string, PathChange>
}

/** The datum of files written without a datum; a deletion without a datum deletes only this one. */
const defaultDatum = 'default'

const noDatums: readonly string[] = []

/** Creates an empty set of changes. */
export function createChanges(): Changes {
  return { paths: new Map() }
}

/** Appends raw bytes to a path. */
export function addRaw(changes: Changes, path: string, raw: Uint8Array, datum = defaultDatum): void {
  const { added } = changeOf(changes, path)
  const piece = keepPiece(raw)
  const record = added.find((each) => each.datum === datum && each.pieces)
  if (!record?.pieces) {
    const pieces = [piece]
    added.push({ datum, pieces, content: { pieces, size: piece.byteLength } })
    return
  }
  record.pieces.push(piece)
  record.content = { pieces: record.pieces, size: record.content.size + piece.byteLength }
}

/** Adds stored content at a path; a second source in the same call is not joined to the first. */
export function addContent(changes: Changes, path: string, content: Content, datum = defaultDatum): void {
  changeOf(changes, path).added.push({ datum, content })
}

/** Deletes the content that a datum wrote at a path. Content that the call adds later is kept. */
export function deletePath(changes: Changes, path: string, datum = defaultDatum): void {
  const change = changeOf(changes, path)
  change.added = change.added.filter((record) => record.datum !== datum)
  if (!change.deletedDatums.includes(datum)) change.deletedDatums = [...change.deletedDatums, datum]
}

/**
 * Deletes the content that a datum wrote below a directory of `root`, and everything that the call has added there.
 * `path` ends with a slash. Content that the call adds later is kept.
 */
export function deleteDirectory(changes: Changes, path: string, root: Directory | undefined, datum?: string): void {
  for (const [changed, change] of changes.paths) if (changed.startsWith(path)) change.added = []
  const directory = root && findDirectory(root, path)
  for (const entry of directory ? walkBelow(directory, path, wholeTree) : []) {
    if ('records' in entry) deletePath(changes, entry.path, datum)
  }
}

/** The changes that turn an empty tree into `root`, or into the part of it that one datum wrote. */
export function changesFromTree(root: Directory, datum?: string): Changes {
  const changes = createChanges()
  for (const entry of walkBelow(root, '/', wholeTree)) {
    if (!('records' in entry)) continue
    const records = entry.records.filter((record) => datum === undefined || record.datum === datum)
    addRecords(changes, entry.path, records)
  }
  return changes
}

/** Adds the records at a path of another tree. */
export function addRecords(changes: Changes, path: string, records: FileRecords): void {
  for (const record of records) addContent(changes, path, record.content, record.datum)
}

/** The tree after the changes; `root` is not modified. */
function applyChanges(root: Directory, changes: Changes): Directory {
  const owner = {}
  let tree = root
  for (const [path, change] of changes.paths) {
    const records = changedRecords(findFile(tree, path) ?? [], change)
    tree = withEntry(tree, path, records.length > 0 ? records : undefined, owner)
  }
  return tree
}

/** The deleted paths that were missing before: a comparison of the trees does not show them. */
export function deletedInVain(changes: Changes, before: Directory, after: Directory): string[] {
  const paths: string[] = []
  for (const [path, { deletedDatums }] of changes.paths) {
    if (deletedDatums.length > 0 && !findFile(before, path) && !findFile(after, path)) paths.push(path)
  }
  return paths
}

/** The total size of all added content. */
export function addedBytes(changes: Changes): number {
  let bytes = 0
  for (const { added } of changes.paths.values()) for (const { content } of added) bytes += content.size
  return bytes
}

function changedRecords(before: FileRecords, change: PathChange): FileRecords {
  // Most changes create a new file.
  if (before.length === 0 && change.added.length === 1) return change.added.map(recordFrom)
  const base = before.filter((record) => !change.deletedDatums.includes(record.datum))
  const continued = new Map<string, FileRecord>()
  const added = change.added.map(({ datum, content }): FileRecord => {
    const below = continued.has(datum) ? undefined : base.find((record) => record.datum === datum)
    if (!below) return { datum, content }
    continued.set(datum, below)
    return { datum, content: joinContent(below.content, content) }
  })
  const records = base.filter((record) => continued.get(record.datum) !== record).concat(added)
  return records.length > 1 ? records.sort((a, b) => compareStrings(a.datum, b.datum)) : records
}

function recordFrom({ datum, content }: AddedRecord): FileRecord {
  return { datum, content }
}

function compareStrings(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function changeOf(changes: Changes, path: string): PathChange {
  let change = changes.paths.get(path)
  if (!change) {
    change = { deletedDatums: noDatums, added: [] }
    changes.paths.set(path, change)
  }
  return change
}

/** The content of a commit: an immutable tree, and its violations. */
export interface Snapshot {
  readonly root: Directory
  /** Sorted by the second path; a commit that has any when it finishes has failed. */
  readonly violations: readonly Violation[]
}

/** An empty snapshot. */
export function createSnapshot(): Snapshot {
  return { root: createDirectory(), violations: [] }
}

/** The snapshot after applying the layers in order. */
export function changeSnapshot(snapshot: Snapshot, layers: readonly Changes[]): Snapshot {
  return layers.reduce((before, changes) => {
    const root = applyChanges(before.root, changes)
    return { root, violations: findViolations(root, changes.paths.keys(), before.violations) }
  }, snapshot)
}
