import type { CommitQueue } from '../commits/commit-queue.js'
import { type Branch, type CallOptions, headOf, type PfsClient, type Repo } from '../pfs/client.js'
import { isMissing, unlessMissing } from '../pfs/errors.js'
import type { RecordReadOptions, RecordSource } from './read-records.js'
import type { RecordCache } from './record-cache.js'
import { recordsBranch } from './record-path.js'
import type { InspectedHead, RecordsBranch } from './records-branch.js'

/** The collaborators of reads of records. */
export interface AccessOptions {
  readonly pfs: PfsClient
  readonly commits: CommitQueue
  readonly cache: RecordCache
  /** Called with the size in bytes of each record that is read, also of skipped ones. */
  readonly onSize: (repo: Repo, recordPath: string, size: number) => void
  readonly onError: (error: unknown) => void
}

/** How a source is read. */
export type SourceOptions = Omit<RecordReadOptions, 'onError' | 'onSize'> & Partial<Pick<RecordReadOptions, 'onSize'>>

/** The records branches in PFS, and the commits to read them in. */
export class RecordAccess {
  readonly #options: AccessOptions

  constructor(options: AccessOptions) {
    this.#options = options
  }

  /** The records branch of a repo, in a state from within a second. */
  branchOf(repo: Repo, options: CallOptions): Promise<RecordsBranch> {
    return this.#options.cache.branch(repo, () => this.#inspectHead(recordsBranch(repo), options))
  }

  /**
   * Reads records; once more if that fails since the records branch, or the whole repo, was deleted after its last check.
   * Then there are no records, or those of a repo that was created again.
   */
  async whileThere<Result>(repo: Repo, read: () => Promise<Result>): Promise<Result> {
    try {
      return await read()
    } catch (error) {
      if (!isMissing(error)) throw error
      this.#options.cache.knownBranch(repo)?.forget()
      return read()
    }
  }

  /** A commit that PFS has finished, in which the paths are the same as at the head; undefined if PFS must be asked for it. */
  readableCommit({ repo, headId, isFinished }: RecordsBranch, paths: readonly string[]): string | undefined {
    if (headId === undefined || isFinished) return headId
    return this.#options.commits.unchangedSince(recordsBranch(repo), headId, paths)
  }

  /** Like `readableCommit`, but asks PFS for the commit, and waits until PFS has finished it, if necessary. */
  async commitToRead(branch: RecordsBranch, paths: readonly string[], options: CallOptions): Promise<string> {
    const known = this.readableCommit(branch, paths)
    return known ?? this.#options.commits.commitToRead(recordsBranch(branch.repo), paths, options)
  }

  /** A commit of a records branch, as the source of a read. */
  sourceOf(repo: Repo, id: string, readOptions: SourceOptions, options: CallOptions): RecordSource {
    const { pfs, onError, onSize } = this.#options
    const commit = { repo: recordsBranch(repo).repo, id }
    const noted = (recordPath: string, size: number): void => {
      onSize(repo, recordPath, size)
      readOptions.onSize?.(recordPath, size)
    }
    return { pfs, commit, readOptions: { ...readOptions, onSize: noted, onError }, options }
  }

  async #inspectHead(branch: Branch, options: CallOptions): Promise<InspectedHead | undefined> {
    const info = await unlessMissing(this.#options.pfs.inspectCommit({ commit: headOf(branch) }, options))
    const { id } = info?.commit ?? {}
    return info && id ? { id, isFinished: info.finished !== undefined && info.error === '' } : undefined
  }
}
