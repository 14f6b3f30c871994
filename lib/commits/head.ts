import { type Branch, type CallOptions, type CommitInfo, headOf, type PfsClient } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'
import { PathTrie } from './path-trie.js'

/** A commit that is, or was, the head of a branch. */
export interface Head {
  readonly commitId: string
  readonly parentId: string | undefined
  /** An open commit takes writes in. One that is finishing does not, and PFS lets reads of it wait until it is finished. */
  readonly state: 'open' | 'finishing' | 'finished'
  /** What PFS has found wrong with a finished commit, whose changes the next one drops; '' where nothing is. */
  readonly error: string
}

/** The head of a branch as it stands; throws where only a pipeline may write into it, which PFS would let anybody do. */
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
    state: finishing === undefined ? 'open' : finished === undefined ? 'finishing' : 'finished',
    error,
  }
}

/** Most commits that PFS may still be finishing when another is made; a reader of the head waits for as many. */
const maxUnfinished = 4

/** A commit that was made here, and what it changed. */
interface RecentCommit {
  readonly commitId: string
  readonly paths: PathTrie
}

/**
 * What a process knows of a branch from the commits that it has made there itself. To make one takes PFS less time than
 * to finish it, and until then reads of it wait. So what the last commits have not touched is looked up behind them.
 */
export class RecentCommits {
  /** The head that is known: `#base` with the changes of `#unfinished` on top. */
  #head = ''
  #base = ''
  #unfinished: RecentCommit[] = []

  /**
   * The id of a commit in which `paths` are as they are in the branch's head. `finished` gives a commit when PFS has
   * finished it; it is asked only where the answer cannot be known without.
   */
  async commitToCheck(
    head: Head,
    paths: readonly string[],
    finished: (commitId: string) => Promise<Head>,
  ): Promise<string> {
    if (head.state === 'open') return head.commitId
    const [oldest] = this.#unfinished
    if (head.state === 'finishing' && head.commitId === this.#head && oldest !== undefined) {
      if (this.#unfinished.length >= maxUnfinished && (await finished(oldest.commitId)).error === '') {
        this.#base = oldest.commitId
        this.#unfinished.shift()
      }
      const isKnown = this.#unfinished.length < maxUnfinished
      const isTouched = (path: string): boolean => this.#unfinished.some((commit) => commit.paths.isRelated(path))
      if (isKnown && !paths.some(isTouched)) return this.#base
    }
    let sound = head.state === 'finished' ? head : await finished(head.commitId)
    while (sound.error !== '' && sound.parentId !== undefined) sound = await finished(sound.parentId)
    this.#head = head.commitId
    this.#base = sound.commitId
    this.#unfinished = []
    return this.#base
  }

  /** Notes a commit that was made here; nothing is known of a branch where it is not on top of the head that was. */
  add({ commitId, parentId }: Head, paths: readonly string[]): void {
    if (parentId !== this.#head) return
    const changed = new PathTrie()
    for (const path of paths) changed.add(path)
    this.#unfinished.push({ commitId, paths: changed })
    this.#head = commitId
  }
}
