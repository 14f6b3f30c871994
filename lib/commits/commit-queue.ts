import { LRUCache } from 'lru-cache'
import { commitDone, queueChange } from '../diagnostics.js'
import type { Branch, CallObserver, CallOptions, PfsClient } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'
import { sharedObserver } from '../pfs/observed-call.js'
import { defaultLimitMilliseconds, type LimitedOptions, withTimeLimit } from '../pfs/time-limit.js'
import { BranchQueue, type Entry } from './branch-queue.js'
import { bytesToWrite, type Change } from './change.js'
import { type Committed, commitChanges, type Outcome, type Outcomes, type RespondAfter } from './commit-changes.js'
import type { CommitLog } from './commit-log.js'
import { inspectFinished, inspectHead, RecentCommits } from './head.js'

/** Options of `createCommitQueue`. */
export interface CommitQueueOptions {
  /** Whether concurrent writes to a branch share a commit; otherwise each write makes a commit. */
  readonly shareCommits: boolean
  readonly respondAfter: RespondAfter
  /**
   * Time limit of a turn, in milliseconds, so that a PFS that hangs does not block a branch.
   *
   * @default 120_000
   */
  readonly turnMilliseconds?: number
  /** Receives the commits that are made. */
  readonly commitLog?: CommitLog
}

/**
 * All writes to branches go through this queue. PFS makes the commits of a branch one after the other, so writes that
 * arrive during a commit are batched into the next one. A commit that another process makes between the checks and the
 * commit of a turn goes unnoticed.
 */
export interface CommitQueue {
  /**
   * Checks that the caller may write a branch before a body is read. Throws NOT_FOUND if the branch is missing,
   * PERMISSION_DENIED if the caller may not write it, UNKNOWN if only a pipeline may, RESOURCE_EXHAUSTED if the queue is full.
   */
  requireWriteAccess(branch: Branch, options: CallOptions): Promise<void>
  /** Throws RESOURCE_EXHAUSTED if the queue of the branch is full; does not call PFS. */
  requireRoom(branch: Branch): void
  /** Commits changes of unrelated paths of a branch together; returns the outcome of each. */
  commit(branch: Branch, changes: readonly Change[], options: CallOptions): Promise<readonly Outcome[]>
  /**
   * The id of a commit in which the given paths are the same as at the head. Unlike the head, it can usually be read without
   * waiting until PFS has finished the latest commits of this process.
   *
   * @throws PfsError as `inspectCommit` does
   */
  commitToRead(branch: Branch, paths: readonly string[], options: CallOptions): Promise<string>
  /**
   * Like `commitToRead` without a call to PFS, if the caller knows the head: undefined if the result depends on a commit that
   * PFS may be finishing.
   */
  unchangedSince(branch: Branch, headId: string, paths: readonly string[]): string | undefined
  /**
   * Runs other work in a turn, while this process writes nothing else to the branch; the work commits changes with
   * `commit`.
   */
  exclusively<Result>(
    branch: Branch,
    options: CallOptions,
    work: (options: CallOptions, commit: CommitInTurn) => Promise<Result>,
  ): Promise<Result>
}

/** Commits changes of unrelated paths together; returns the outcome of each. */
export type CommitInTurn = (changes: readonly Change[]) => Promise<readonly Outcome[]>

/** Limits of a shared commit: changes and bytes. The changes of one call always stay together. */
const batchLimits = { changes: 2000, bytes: 64 * 1024 * 1024 }

/** Maximum branches whose recent commits are cached. */
const maxBranches = 64

interface ChangesEntry extends Entry {
  readonly isExclusive: false
  readonly changes: readonly Change[]
  readonly observer: CallObserver | undefined
  /** Time from `performance.now()`. */
  readonly entered: number
  readonly settle: (outcomes: readonly Outcome[]) => void
}

interface ExclusiveEntry extends Entry {
  readonly isExclusive: true
  readonly work: () => Promise<void>
}

/** Creates the commit queue of a process. */
export function createCommitQueue(pfs: PfsClient, settings: CommitQueueOptions): CommitQueue {
  const { shareCommits, respondAfter, turnMilliseconds = defaultLimitMilliseconds, commitLog } = settings
  const queues = new Map<string, BranchQueue<ChangesEntry | ExclusiveEntry>>()
  const recentCommits = new LRUCache<string, RecentCommits>({ max: maxBranches })
  let waiting = 0

  function countWaiting(change: number): void {
    waiting += change
    queueChange.publish({ waiting })
  }

  function enter(
    branch: Branch,
    entry: ChangesEntry | ExclusiveEntry,
    refuse: (reason: unknown) => void,
    { signal }: CallOptions,
  ): void {
    const key = keyOf(branch)
    let queue = queues.get(key)
    if (queue === undefined) {
      const limits = shareCommits ? batchLimits : { changes: 1, bytes: 0 }
      const work = {
        prepare: (first: Entry) => makeRoom(branch, first),
        run: (batch: readonly (ChangesEntry | ExclusiveEntry)[]) => runTurn(branch, batch),
        onIdle: () => void queues.delete(key),
      }
      queue = new BranchQueue<ChangesEntry | ExclusiveEntry>(work, limits)
      queues.set(key, queue)
    }
    countWaiting(1)
    const leave = (reason: unknown): void => {
      countWaiting(-1)
      refuse(reason)
    }
    queue.enter(entry, leave, signal)
  }

  /** Waits for PFS before a turn that would have to wait anyway, so that more writes share the turn. */
  function makeRoom(branch: Branch, { authToken, isExclusive }: Entry): Promise<void> | undefined {
    const recent = recentOf(branch)
    if (isExclusive || !recent.isFull()) return undefined
    const room = withTimeLimit(
      authToken === undefined ? {} : { authToken },
      (options) => recent.makeRoom((commitId) => inspectFinished(pfs, branch, commitId, options)),
      turnMilliseconds,
    )
    // The turn will fail for the same reason and report it to its writes.
    return room.catch(() => undefined)
  }

  async function runTurn(branch: Branch, batch: readonly (ChangesEntry | ExclusiveEntry)[]): Promise<void> {
    countWaiting(-batch.length)
    const started = performance.now()
    const entries: ChangesEntry[] = []
    for (const entry of batch) {
      if (entry.isExclusive) return entry.work()
      entries.push(entry)
    }
    const authToken = batch[0]?.authToken
    const observer = sharedObserver(entries.map((entry) => entry.observer))
    const options = { observer, ...(authToken !== undefined && { authToken }) }
    const all = entries.flatMap(({ changes }) => changes)
    const outcomes = await withTimeLimit(options, (limited) => commitAll(branch, all, limited), turnMilliseconds)
    commitDone.publish({
      writes: entries.length,
      commits: commitIdsOf(outcomes).size,
      waitMilliseconds: entries.map(({ entered }) => started - entered),
      milliseconds: performance.now() - started,
    })
    let settled = 0
    for (const { changes, settle } of entries) {
      settle(outcomes.slice(settled, settled + changes.length))
      settled += changes.length
    }
  }

  /** Commits changes in a turn, and returns the outcome of each. */
  async function commitAll(
    branch: Branch,
    changes: readonly Change[],
    options: LimitedOptions,
  ): Promise<readonly Outcome[]> {
    const turn = { pfs, branch, recent: recentOf(branch), respondAfter, commitLog, options }
    const outcomes = await commitChanges(turn, changes)
    return changes.map((change) => outcomeOf(change, outcomes, options.signal))
  }

  function recentOf(branch: Branch): RecentCommits {
    const key = keyOf(branch)
    const recent = recentCommits.get(key) ?? new RecentCommits()
    recentCommits.set(key, recent)
    return recent
  }

  return {
    async requireWriteAccess(branch, options) {
      queues.get(keyOf(branch))?.requireRoom()
      const [{ authInfo }] = await Promise.all([
        pfs.inspectRepo(branch.repo, options),
        inspectHead(pfs, branch, options),
      ])
      if (authInfo === undefined || authInfo.permissions.includes('REPO_WRITE')) return
      throw new PfsError('PERMISSION_DENIED', `needs permission REPO_WRITE on repo ${branch.repo.name}`)
    },

    requireRoom(branch) {
      queues.get(keyOf(branch))?.requireRoom()
    },

    async commitToRead(branch, paths, options) {
      const head = await inspectHead(pfs, branch, options)
      return recentOf(branch).commitToCheck(head, paths, (commitId) => inspectFinished(pfs, branch, commitId, options))
    },

    unchangedSince(branch, headId, paths) {
      const guess = recentOf(branch).guessCommitToCheck(paths)
      return guess?.headId === headId ? guess.commitId : undefined
    },

    commit(branch, changes, options) {
      return new Promise((settle, reject) => {
        options.signal?.throwIfAborted()
        const paths = changes.map(({ path }) => path)
        const bytes = changes.reduce((sum, change) => sum + bytesToWrite(change), 0)
        const { authToken, observer } = options
        const entered = performance.now()
        enter(
          branch,
          { isExclusive: false, paths, bytes, authToken, observer, entered, changes, settle },
          reject,
          options,
        )
      })
    },

    exclusively(branch, options, work) {
      return new Promise((resolve, reject) => {
        options.signal?.throwIfAborted()
        const run = (limited: LimitedOptions) => {
          const signal =
            options.signal === undefined ? limited.signal : AbortSignal.any([options.signal, limited.signal])
          return work({ ...options, signal }, (changes) => commitAll(branch, changes, limited))
        }
        const runInTime = (): Promise<void> => withTimeLimit(options, run, turnMilliseconds).then(resolve, reject)
        const { authToken } = options
        enter(branch, { isExclusive: true, paths: [], bytes: 0, authToken, work: runInTime }, reject, options)
      })
    },
  }
}

/** The commit of the last change; throws the reason of the first change that was refused. */
export function committedOf(outcomes: readonly Outcome[]): Committed {
  let committed: Committed | undefined
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason
    committed = outcome.value
  }
  if (committed === undefined) throw new Error('there are no changes to commit')
  return committed
}

function commitIdsOf(outcomes: readonly Outcome[]): ReadonlySet<string> {
  return new Set(outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value.commitId] : [])))
}

/** Reports a turn that took too long as a timeout, and not as the cancelled call that it ended with. */
function outcomeOf(change: Change, outcomes: Outcomes, { aborted, reason }: AbortSignal): Outcome {
  const outcome = outcomes.get(change)
  if (outcome === undefined) throw new Error(`the change of ${change.path} has no outcome`)
  return aborted && outcome.status === 'rejected' ? { ...outcome, reason } : outcome
}

function keyOf({ repo, name }: Branch): string {
  return JSON.stringify([repo.project, repo.name, repo.type, name])
}
