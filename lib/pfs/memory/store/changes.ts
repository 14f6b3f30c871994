import { type Content, joinContent, keepPiece } from './content.js'
import { createDirectory, type Directory, type FileRecord, type FileRecords, findFile, withEntry } from './directory.js'
import { walkBelow, wholeTree } from './walk.js'

interface AddedRecord {
  readonly datum: string
  /** Raw bytes of one call are joined; a copied source stands for itself. */
  readonly pieces?: Uint8Array[]
  content: Content
}

interface PathChange {
  deletesAll: boolean
  deletedDatums: readonly string[]
  readonly added: AddedRecord[]
}

/** What one call does to a tree: directories are deleted first, then each path is changed. */
export interface Changes {
  readonly deletedDirectories: Set<string>
  readonly paths: Map<string, PathChange>
}

/** The datum of a file that was written without one. */
const defaultDatum = 'default'

const noDatums: readonly string[] = []

/** No change yet. */
export function createChanges(): Changes {
  return { deletedDirectories: new Set(), paths: new Map() }
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

/** Deletes a path, or one datum of it. What the call adds afterwards stays. */
export function deletePath(changes: Changes, path: string, datum?: string): void {
  const change = changeOf(changes, path)
  const kept = datum ? change.added.filter((record) => record.datum !== datum) : []
  change.added.splice(0, change.added.length, ...kept)
  if (datum) change.deletedDatums = [...change.deletedDatums, datum]
  else change.deletesAll = true
}

/** Deletes all below a directory's path, which ends in a slash. What the call adds afterwards stays. */
export function deleteDirectory(changes: Changes, path: string): void {
  for (const changed of changes.paths.keys()) if (changed.startsWith(path)) changes.paths.delete(changed)
  changes.deletedDirectories.add(path)
}

/** The changes that make an empty tree into `root`. */
export function changesFromTree(root: Directory): Changes {
  const changes = createChanges()
  for (const entry of walkBelow(root, '/', wholeTree)) {
    if ('records' in entry) addRecords(changes, entry.path, entry.records)
  }
  return changes
}

/** Adds what is stored at a path of another tree. */
export function addRecords(changes: Changes, path: string, records: FileRecords): void {
  for (const record of records) addContent(changes, path, record.content, record.datum)
}

/** The tree after the changes; `root` stays as it is. */
export function applyChanges(root: Directory, changes: Changes): Directory {
  const owner = {}
  let tree = root
  for (const path of changes.deletedDirectories) {
    tree = path === '/' ? createDirectory() : withEntry(tree, path, undefined, owner)
  }
  for (const [path, change] of changes.paths) {
    const records = changedRecords(findFile(tree, path) ?? [], change)
    tree = withEntry(tree, path, records.length > 0 ? records : undefined, owner)
  }
  return tree
}

function changedRecords(before: FileRecords, change: PathChange): FileRecords {
  // A new file is what most changes make.
  if (before.length === 0 && change.added.length === 1) return change.added.map(recordFrom)
  const base = change.deletesAll ? [] : before.filter((record) => !change.deletedDatums.includes(record.datum))
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
    change = { deletesAll: false, deletedDatums: noDatums, added: [] }
    changes.paths.set(path, change)
  }
  return change
}
