import { type Branch, type CallOptions, type CommitInfo, headOf, type PfsClient } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'

/** A current or former head of a branch. */
export interface Head {
  readonly commitId: string
  readonly parentId: string | undefined
  /** When it was closed for writes; undefined while it is open. */
  readonly time: Date | undefined
  /** An open commit can be written. One that is finishing cannot, and reads of it wait until it is finished. */
  readonly state: 'open' | 'finishing' | 'finished'
  /** Why PFS could not validate a finished commit, whose content the next one drops; '' if it is valid. */
  readonly error: string
}

/** The head of a branch. @throws PfsError UNKNOWN if only a pipeline may write to the branch, which PFS does not check. */
export async function inspectHead(pfs: PfsClient, branch: Branch, options: CallOptions): Promise<Head> {
  const info = await pfs.inspectCommit({ commit: headOf(branch) }, options)
  if (info.finishing === undefined && info.directProvenance.length > 0) {
    throw new PfsError('UNKNOWN', `cannot write into a commit on an output branch: ${branch.name}`)
  }
  return headFromInfo(info)
}

/** Waits until PFS has finished a commit. */
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

/** Maximum unfinished commits when another one is made. A reader of the head waits for all of them. */
const maxUnfinished = 4

interface RecentCommit {
  readonly commitId: string
  /** The paths that it changed. */
  readonly paths: PathTrie
}

/**
 * The latest commits of this process on a branch. PFS makes commits faster than it finishes them, and reads wait until a
 * commit is finished. So the checks of a path read the newest finished commit, if no later commit has changed the path:
 *
 *     | head                                        | commit to check a path in                            |
 *     | open                                        | the head, which can be read in its current state     |
 *     | ours, finishing; path unchanged since base  | base                                                 |
 *     | ours, finishing; path changed since base    | the head, once PFS has finished it: the new base     |
 *     | another writer's, or finished               | the head, once PFS has finished it: the new base     |
 *
 * If PFS finishes a commit with an error, its parent is used instead, since a failed commit has no content.
 */
export class RecentCommits {
  /** The last known head: `#base` plus the changes of `#unfinished`. */
  #head = ''
  #base = ''
  #unfinished: RecentCommit[] = []

  /**
   * The id of a commit in which `paths` are the same as at the head. Calls `finished`, which waits until PFS has finished a
   * commit, only if necessary.
   */
  async commitToCheck(
    head: Head,
    paths: readonly string[],
    finished: (commitId: string) => Promise<Head>,
  ): Promise<string> {
    if (head.state === 'open') return head.commitId
    // Concurrent callers may change the state while this one waits for PFS.
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

  /** Adds a commit of this process; ignores it if its parent is not the last known head. */
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
