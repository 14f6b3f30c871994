interface Node {
  readonly children: Map<string, Node>
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
