import { type Branch, type CallOptions, type CommitInfo, headOf, type PfsClient } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'
import { PathTrie, parentsOf } from '../pfs/path.js'
import { RangeHistory } from '../pfs/path-lookup.js'

/** A current or former head of a branch. */
export interface Head {
  readonly commitId: string
  readonly parentId: string | undefined
  readonly started: Date | undefined
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

function headFromInfo({ commit, parentCommit, started, finishing, finished, error }: CommitInfo): Head {
  return {
    commitId: commit.id ?? '',
    parentId: parentCommit?.id,
    started,
    time: finishing,
    state: finishing === undefined ? 'open' : finished === undefined ? 'finishing' : 'finished',
    error,
  }
}

/** Maximum unfinished commits when another one is made. A reader of the head waits for all of them. */
const maxUnfinished = 4

/** Maximum cached directories of a branch; if exceeded, all are dropped. */
const maxDirectories = 10_000

/** A commit in which paths are the same as at `headId`, which may no longer be the head. */
interface Guess {
  readonly headId: string
  readonly commitId: string
}

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
  /** Directories of `#head`: this process has checked them and written below them. */
  readonly #directories = new Set<string>()
  /** The range history of the checks on this branch. */
  readonly history = new RangeHistory()

  /** Whether a path of the known head is known to be a directory. */
  readonly isDirectory = (path: string): boolean => this.#directories.has(path)

  /** Whether PFS must finish a commit before another one is made. */
  isFull(): boolean {
    return this.#unfinished.length >= maxUnfinished
  }

  /**
   * Waits until PFS has finished enough commits for another one. `finished` waits until PFS has finished a commit, as in
   * `commitToCheck`.
   */
  async makeRoom(finished: (commitId: string) => Promise<Head>): Promise<void> {
    const [oldest] = this.#unfinished
    if (oldest === undefined || !this.isFull()) return
    if ((await finished(oldest.commitId)).error === '') this.#noteFinished(oldest)
  }

  #noteFinished(oldest: RecentCommit): void {
    if (this.#unfinished[0] !== oldest) return
    this.#base = oldest.commitId
    this.#unfinished.shift()
  }

  /**
   * Like `commitToCheck`, before the head has been inspected: assumes that the head is the known one and not open. Undefined
   * if the result depends on a commit that PFS may be finishing.
   */
  guessCommitToCheck(paths: readonly string[]): Guess | undefined {
    if (this.#base === '' || this.isFull()) return undefined
    return this.#isUnchanged(paths) ? { headId: this.#head, commitId: this.#base } : undefined
  }

  /** Whether a guess was correct, after the head has been inspected. */
  isRight({ headId }: Guess, head: Head): boolean {
    if (head.state === 'open' || head.error !== '' || head.commitId !== headId || this.#head !== headId) return false
    if (head.state === 'finished') {
      this.#base = headId
      this.#unfinished = []
    }
    return true
  }

  #isUnchanged(paths: readonly string[]): boolean {
    return !paths.some((path) => this.#unfinished.some((commit) => commit.paths.isRelated(path)))
  }

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
      await this.makeRoom(finished)
      const isKnown = this.#head === known && !this.isFull()
      if (isKnown && this.#isUnchanged(paths)) return this.#base
    }
    let sound = head.state === 'finished' ? head : await finished(head.commitId)
    while (sound.error !== '' && sound.parentId !== undefined) sound = await finished(sound.parentId)
    if (this.#head === known) {
      if (head.commitId !== known || sound.commitId !== head.commitId) this.#directories.clear()
      this.#head = head.commitId
      this.#base = sound.commitId
      this.#unfinished = []
    }
    return sound.commitId
  }

  /**
   * Adds a commit of this process; ignores it if its parent is not the last known head. `newFiles` are those of its paths
   * that were checked and are files now.
   */
  add({ commitId, parentId }: Head, paths: readonly string[], newFiles: readonly string[]): void {
    if (parentId !== this.#head) return
    const changed = new PathTrie()
    for (const path of paths) changed.add(path)
    this.#unfinished.push({ commitId, paths: changed })
    this.#head = commitId
    if (this.#directories.size > maxDirectories) this.#directories.clear()
    for (const path of newFiles) {
      this.#forgetDirectory(path)
      for (const parent of parentsOf(path)) this.#directories.add(parent)
    }
  }

  /** A directory whose files were deleted may have become a file. */
  #forgetDirectory(path: string): void {
    if (!this.#directories.delete(path)) return
    for (const each of this.#directories) if (each.startsWith(`${path}/`)) this.#directories.delete(each)
  }
}
