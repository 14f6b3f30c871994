import type { Head } from './branch-head.js'
import { UnrelatedPaths } from './unrelated-paths.js'

/** Most commits that PFS may still be finishing when another is made; a reader of the head waits for as many. */
const maxUnfinished = 4

/** A commit that was made here, and what it changed. */
interface OwnCommit {
  readonly commitId: string
  readonly paths: UnrelatedPaths
}

/**
 * What a process knows of a branch from the commits that it has made there itself. To make one takes PFS less time than
 * to finish it, and until then reads of it wait. So what the last commits have not touched is looked up behind them.
 */
export class OwnCommits {
  /** The head that is known: `#base` with the changes of `#unfinished` on top. */
  #head = ''
  #base = ''
  #unfinished: OwnCommit[] = []

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
    const changed = new UnrelatedPaths()
    for (const path of paths) changed.add(path)
    this.#unfinished.push({ commitId, paths: changed })
    this.#head = commitId
  }
}
