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
  /** Raw bytes of one call are joined; a copied source stands for itself. */
  readonly pieces?: Uint8Array[]
  content: Content
}

interface PathChange {
  deletedDatums: readonly string[]
  added: AddedRecord[]
}

/** What one call does to a tree: of each path, the datums that it deletes, then what it adds. */
export interface Changes {
  readonly paths: Map<string, PathChange>
}

/** The datum of a file that was written without one, and the only one that a deletion without a datum deletes. */
const defaultDatum = 'default'

const noDatums: readonly string[] = []

/** No change yet. */
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

/** Puts a source that is stored already at a path; a second source of one call is not joined to the first. */
export function addContent(changes: Changes, path: string, content: Content, datum = defaultDatum): void {
  changeOf(changes, path).added.push({ datum, content })
}

/** Deletes what a datum wrote at a path. What the call adds afterwards stays. */
export function deletePath(changes: Changes, path: string, datum = defaultDatum): void {
  const change = changeOf(changes, path)
  change.added = change.added.filter((record) => record.datum !== datum)
  if (!change.deletedDatums.includes(datum)) change.deletedDatums = [...change.deletedDatums, datum]
}

/**
 * Deletes what a datum wrote below a directory of `root`, and all that the call has added there. `path` ends in a
 * slash. What the call adds afterwards stays.
 */
export function deleteDirectory(changes: Changes, path: string, root: Directory | undefined, datum?: string): void {
  for (const [changed, change] of changes.paths) if (changed.startsWith(path)) change.added = []
  const directory = root && findDirectory(root, path)
  for (const entry of directory ? walkBelow(directory, path, wholeTree) : []) {
    if ('records' in entry) deletePath(changes, entry.path, datum)
  }
}

/** The changes that make an empty tree into `root`, or into what one datum wrote of it. */
export function changesFromTree(root: Directory, datum?: string): Changes {
  const changes = createChanges()
  for (const entry of walkBelow(root, '/', wholeTree)) {
    if (!('records' in entry)) continue
    const records = entry.records.filter((record) => datum === undefined || record.datum === datum)
    addRecords(changes, entry.path, records)
  }
  return changes
}

/** Adds what is stored at a path of another tree. */
export function addRecords(changes: Changes, path: string, records: FileRecords): void {
  for (const record of records) addContent(changes, path, record.content, record.datum)
}

/** The tree after the changes; `root` stays as it is. */
function applyChanges(root: Directory, changes: Changes): Directory {
  const owner = {}
  let tree = root
  for (const [path, change] of changes.paths) {
    const records = changedRecords(findFile(tree, path) ?? [], change)
    tree = withEntry(tree, path, records.length > 0 ? records : undefined, owner)
  }
  return tree
}

/** The paths that the changes delete and that neither tree has: no comparison of the trees shows them. */
export function deletedInVain(changes: Changes, before: Directory, after: Directory): string[] {
  const paths: string[] = []
  for (const [path, { deletedDatums }] of changes.paths) {
    if (deletedDatums.length > 0 && !findFile(before, path) && !findFile(after, path)) paths.push(path)
  }
  return paths
}

/** The bytes of all that the changes add. */
export function addedBytes(changes: Changes): number {
  let bytes = 0
  for (const { added } of changes.paths.values()) for (const { content } of added) bytes += content.size
  return bytes
}

function changedRecords(before: FileRecords, change: PathChange): FileRecords {
  // A new file is what most changes make.
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

/** What a commit holds: a tree that never changes, and what is wrong with it. */
export interface Snapshot {
  readonly root: Directory
  /** In order of the second path; a commit that finishes with one of them is in error. */
  readonly violations: readonly Violation[]
}

/** A snapshot with no file. */
export function createSnapshot(): Snapshot {
  return { root: createDirectory(), violations: [] }
}

/** The snapshot after the changes, made one after the other. */
export function changeSnapshot(snapshot: Snapshot, layers: readonly Changes[]): Snapshot {
  return layers.reduce((before, changes) => {
    const root = applyChanges(before.root, changes)
    return { root, violations: findViolations(root, changes.paths.keys(), before.violations) }
  }, snapshot)
}
