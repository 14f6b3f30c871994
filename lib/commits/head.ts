import { type Branch, type CallOptions, type CommitInfo, headOf, type PfsClient } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'

/** A commit that is, or was, the head of a branch. */
export interface Head {
  readonly commitId: string
  readonly parentId: string | undefined
  /** When it was closed for writes; undefined while it is open. */
  readonly time: Date | undefined
  /** An open commit takes writes. One that is finishing does not, and reads of it wait until PFS has finished it. */
  readonly state: 'open' | 'finishing' | 'finished'
  /** Why PFS could not validate a finished commit, whose changes the next one drops; '' if it is valid. */
  readonly error: string
}

/** The head of a branch as it stands; throws UNKNOWN if only a pipeline may write into it, which PFS does not check. */
export async function inspectHead(pfs: PfsClient, branch: Branch, options: CallOptions): Promise<Head> {
  const info = await pfs.inspectCommit({ commit: headOf(branch) }, options)
  if (info.finishing === undefined && info.directProvenance.length > 0) {
    throw new PfsError('UNKNOWN', `cannot write into a commit on an output branch: ${branch.name}`)
  }
  return headFromInfo(info)
}

/** A commit of a branch once PFS has finished it. */
export async function inspectFinished(
  pfs: PfsClient,
  { repo }: Branch,
  commitId: string,
  options: CallOptions,
): Promise<Head> {
  return headFromInfo(await pfs.inspectCommit({ commit: { repo, id: commitId }, wait: 'FINISHED' }, options))
}

function headFromInfo({ commit, parentCommit, finishing, finished, error }: CommitInfo): Head {
  return {
    commitId: commit.id ?? '',
    parentId: parentCommit?.id,
    time: finishing,
    state: finishing === undefined ? 'open' : finished === undefined ? 'finishing' : 'finished',
    error,
  }
}

/** Most commits that PFS may still be finishing when another is made. A reader of the head waits for all of them. */
const maxUnfinished = 4

interface RecentCommit {
  readonly commitId: string
  /** The paths that it changed. */
  readonly paths: PathTrie
}

/**
 * The last commits that this process has made on a branch. PFS makes a commit faster than it finishes it, and until then
 * reads of it wait, so checks of a path read the newest commit below that PFS has finished, if no commit since has
 * changed the path:
 *
 *     | head                                        | commit to check a path in                            |
 *     | open                                        | the head, which PFS lets us read as it stands        |
 *     | ours, finishing; path unchanged since base  | base                                                 |
 *     | ours, finishing; path changed since base    | the head, once PFS has finished it: the new base     |
 *     | somebody else's, or finished                | the head, once PFS has finished it: the new base     |
 *
 * A commit that PFS finishes with an error holds nothing, so its parent takes its place.
 */
export class RecentCommits {
  /** The last head that is known: that of `#base` with the changes of `#unfinished` on top. */
  #head = ''
  #base = ''
  #unfinished: RecentCommit[] = []

  /**
   * The id of a commit in which `paths` are as they are in the branch's head. `finished` waits until PFS has finished a
   * commit, and is called only if the answer depends on it.
   */
  async commitToCheck(
    head: Head,
    paths: readonly string[],
    finished: (commitId: string) => Promise<Head>,
  ): Promise<string> {
    if (head.state === 'open') return head.commitId
    // Other callers may change all of this while one waits for PFS.
    const known = this.#head
    const [oldest] = this.#unfinished
    if (head.state === 'finishing' && head.commitId === known && oldest !== undefined) {
      const isFull = this.#unfinished.length >= maxUnfinished
      if (isFull && (await finished(oldest.commitId)).error === '' && this.#unfinished[0] === oldest) {
        this.#base = oldest.commitId
        this.#unfinished.shift()
      }
      const isKnown = this.#head === known && this.#unfinished.length < maxUnfinished
      const isChanged = (path: string): boolean => this.#unfinished.some((commit) => commit.paths.isRelated(path))
      if (isKnown && !paths.some(isChanged)) return this.#base
    }
    let sound = head.state === 'finished' ? head : await finished(head.commitId)
    while (sound.error !== '' && sound.parentId !== undefined) sound = await finished(sound.parentId)
    if (this.#head === known) {
      this.#head = head.commitId
      this.#base = sound.commitId
      this.#unfinished = []
    }
    return sound.commitId
  }

  /** Notes a commit that this process has made; one whose parent is not the known head is ignored. */
  add({ commitId, parentId }: Head, paths: readonly string[]): void {
    if (parentId !== this.#head) return
    const changed = new PathTrie()
    for (const path of paths) changed.add(path)
    this.#unfinished.push({ commitId, paths: changed })
    this.#head = commitId
  }
}

interface Node {
  readonly children: Map<string, Node>
  isPath: boolean
}

/** A trie of absolute paths by segment, which tells whether another path is one of them, above one or below one. */
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

  /** Whether `path` is a path of the trie, a directory above one, or below one. */
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

/** The segments of an absolute path; a slash at the end of a directory's path does not count. */
function segmentsOf(path: string): readonly string[] {
  return path.slice(1, path.endsWith('/') ? -1 : undefined).split('/')
}
