import type { CallOptions, File, FileInfo, PathRange, PfsClient } from './client.js'

/** Appended to a path, sorts after every path with that prefix: paths are printable ASCII. */
export const afterEveryPath = '\x7f'

/** The greatest marker before every path that starts with `lower`, since markers are exclusive. */
export function markerBefore(lower: string): string {
  const last = lower.charCodeAt(lower.length - 1)
  return lower.slice(0, -1) + String.fromCharCode(last - 1) + afterEveryPath
}

/** The smallest text after every text that starts with `prefix`; '' if there is no such text. */
export function prefixEnd(prefix: string): string {
  return prefix === '' ? '' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

/** The directories above a path, nearest first, without the root and without trailing slashes. */
export function parentsOf(path: string): string[] {
  const parents: string[] = []
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    parents.push(path.slice(0, slash))
  }
  return parents
}

/*
 * InspectFile and GetFile read every path that starts with the given one: `/img-1` beside 100,000 `/img-1…` takes seconds.
 * A range of one path avoids that, but the pattern must also match later paths: pachd returns a file only when the next
 * match is beyond the range, so with a pattern of that path alone GetFile reads to the end of the commit.
 */
export const anyPath = '/**'

/** The range of one path: space is the smallest character that can follow a path. */
export function rangeOf(path: string): PathRange {
  return { lower: path, upper: `${path} ` }
}

/**
 * The file at a path; undefined if the path is missing or a directory. The cost does not depend on neighbouring paths.
 *
 * @throws PfsError as `globFile` does, such as NOT_FOUND for a missing repo, branch or commit.
 */
export async function findFile(
  pfs: PfsClient,
  { commit, path }: File,
  options: CallOptions,
): Promise<FileInfo | undefined> {
  let found: FileInfo | undefined
  // Read to its end: leaving the stream early would reset the call.
  for await (const info of pfs.globFile({ commit, pattern: anyPath, pathRange: rangeOf(path) }, options)) found = info
  return found
}

/**
 * The bytes of the file at a path from `offset` on. The cost does not depend on neighbouring paths.
 *
 * @throws PfsError as `getFile` does: NOT_FOUND, `missing` 'file', if the path is missing or a directory.
 */
export function readFile(
  pfs: PfsClient,
  { commit, path }: File,
  { offset = 0 }: { readonly offset?: number },
  options: CallOptions,
): AsyncIterable<Uint8Array> {
  return pfs.getFile({ file: { commit, path: anyPath }, offset, pathRange: rangeOf(path) }, options)
}

/** A segment of the paths of a trie. */
interface Node {
  readonly children: Map<string, Node>
  /** Whether a path ends with this segment. */
  isPath: boolean
}

/** A trie of absolute paths by segment. */
export class PathTrie {
  readonly #root: Node = { children: new Map(), isPath: false }

  add(path: string): void {
    let node = this.#root
    for (const segment of segmentsOf(path)) {
      let child = node.children.get(segment)
      if (child === undefined) {
        child = { children: new Map(), isPath: false }
        node.children.set(segment, child)
      }
      node = child
    }
    node.isPath = true
  }

  /** Whether `path` is in the trie, is a directory above one of its paths, or is below one of them. */
  isRelated(path: string): boolean {
    let node = this.#root
    for (const segment of segmentsOf(path)) {
      const child = node.children.get(segment)
      if (child === undefined) return false
      if (child.isPath) return true
      node = child
    }
    return true
  }
}

/** The segments of an absolute path, without the trailing slash of a directory. */
function segmentsOf(path: string): readonly string[] {
  return path.slice(1, path.endsWith('/') ? -1 : undefined).split('/')
}
