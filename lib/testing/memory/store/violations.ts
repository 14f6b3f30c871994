import { type Directory, findDirectory, findFile } from './directory.js'
import { walkBelow, wholeTree } from './walk.js'

/**
 * Two neighbouring files that pachd cannot read together. pachd compares each path only with the previous one, so it does
 * not notice a file and a directory of the same name if another name is between them.
 */
export interface Violation {
  readonly first: string
  readonly second: string
  readonly message: string
}

/** The violations of a tree after `paths` changed in a tree with the violations `known`, sorted by the second path. */
export function findViolations(root: Directory, paths: Iterable<string>, known: readonly Violation[]): Violation[] {
  const found = new Map<string, Violation>()
  const seen = new Set<string>()
  for (const path of paths) findNear(root, path, seen, found)
  for (const { first, second } of known) {
    findNear(root, first, seen, found)
    findNear(root, second, seen, found)
  }
  return [...found.values()].sort((a, b) => (a.second < b.second ? -1 : 1))
}

function findNear(root: Directory, path: string, seen: Set<string>, found: Map<string, Violation>): void {
  const isFile = !path.endsWith('/')
  const duplicate = isFile ? findDuplicate(root, path) : undefined
  if (duplicate) found.set(`${path}\0`, duplicate)
  if (isFile) findCollision(root, path, found)
  for (let end = isFile ? path.lastIndexOf('/') : path.length - 1; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.slice(0, end + 1)
    // The parents of a known directory are known, too.
    if (seen.has(directory)) return
    seen.add(directory)
    findCollision(root, directory, found)
  }
}

function findDuplicate(root: Directory, path: string): Violation | undefined {
  const [first, second] = findFile(root, path) ?? []
  if (!first || !second) return undefined
  const message = `duplicate path output by different datums (${path} from ${first.datum} and ${path} from ${second.datum})`
  return { first: path, second: path, message }
}

/** Checks the pairs of neighbouring names around `path`. */
function findCollision(root: Directory, path: string, found: Map<string, Violation>): void {
  const nameStart = path.lastIndexOf('/', path.length - 2) + 1
  const parentPath = path.slice(0, nameStart)
  const parent = findDirectory(root, parentPath)
  if (!parent) return
  const name = path.slice(nameStart)
  const before = parent.entries.nextLowerKey(name)
  for (const file of before && name.startsWith(before) ? [before, name] : [name]) {
    const next = `${file}/`
    if (file.endsWith('/') || parent.entries.nextHigherKey(file) !== next || !parent.entries.has(file)) continue
    const second = firstFile(root, parentPath + next)
    found.set(second, { first: parentPath + file, second, message: `file / directory path collision (${second})` })
  }
}

function firstFile(root: Directory, path: string): string {
  const directory = findDirectory(root, path)
  for (const entry of directory ? walkBelow(directory, path, wholeTree) : []) if ('records' in entry) return entry.path
  return path
}
