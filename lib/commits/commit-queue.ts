import type { Branch, CallOptions, PfsClient } from '../pfs/client.js'
import { createRecentMap } from '../recent-map.js'
import { BranchQueue, type Entry } from './branch-queue.js'
import type { Change } from './change.js'
import {
  type Committed,
  type Confirm,
  commitChanges,
  limitTime,
  type Outcome,
  reasonOf,
  type Turn,
} from './commit-changes.js'
import type { CommitLog } from './commit-log.js'
import { inspectHead, RecentCommits } from './head.js'
import { commitStream, type StreamedChange, stageBody, type TakeTurn } from './streamed-change.js'

/** Whether writes to a branch at the same time go together in one commit, or each has its own. */
export type Commits = 'shared' | 'each'

/** How branches are written. */
export interface CommitQueueOptions {
  readonly commits: Commits
  readonly confirm: Confirm
  /** How long a turn may take; 2 minutes where absent. A PFS that never answers is not to hold a branch for ever. */
  readonly turnMilliseconds?: number
  /** Told of the commits that are made; none if absent. */
  readonly commitLog?: CommitLog
}

/**
 * The one way in which branches are written. Commits on a branch run one after the other in PFS, so writes that arrive
 * while one is under way wait and go together in the next. What a writer elsewhere does between the checks and the
 * commit of a turn is not seen.
 */
export interface CommitQueue {
  /** Makes changes, to one branch and of unrelated paths, in one commit; the outcome of each. */
  commit(branch: Branch, changes: readonly Change[], options: CallOptions): Promise<readonly Outcome[]>
  /** Sends a body as it comes, and in the branch's turn checks the change and makes its commit. */
  stream(branch: Branch, change: StreamedChange, options: CallOptions): Promise<Committed>
  /** Does other work while nothing else is written here to the branch. */
  alone<Result>(branch: Branch, options: CallOptions, work: () => Promise<Result>): Promise<Result>
}

/** Most changes and bytes that writers share a commit with; the changes of one call always go together. */
const batchLimits = { changes: 2000, bytes: 32 * 1024 * 1024 }

/** Branches whose last commits are remembered. */
const maxBranches = 64

interface Group extends Entry {
  readonly alone: false
  readonly changes: readonly Change[]
  readonly settle: (outcomes: readonly Outcome[]) => void
}

interface Alone extends Entry {
  readonly alone: true
  /** Given the turn; settles when it is needed no longer. */
  readonly hold: () => Promise<void>
}

/** A commit queue over PFS. */
export function createCommitQueue(pfs: PfsClient, settings: CommitQueueOptions): CommitQueue {
  const { commits, confirm, turnMilliseconds = 120_000, commitLog } = settings
  const queues = new Map<string, BranchQueue<Group | Alone>>()
  const recentCommits = createRecentMap<RecentCommits>(maxBranches, () => 1)

  function queueOf(branch: Branch): BranchQueue<Group | Alone> {
    const name = nameOf(branch)
    const known = queues.get(name)
    if (known !== undefined) return known
    const limits = commits === 'shared' ? batchLimits : { changes: 1, bytes: 0 }
    const queue = new BranchQueue<Group | Alone>(
      (batch) => runTurn(branch, batch),
      limits,
      () => queues.delete(name),
    )
    queues.set(name, queue)
    return queue
  }

  function turnOf(branch: Branch, options: CallOptions): Turn {
    const name = nameOf(branch)
    const recent = recentCommits.get(name) ?? new RecentCommits()
    recentCommits.set(name, recent)
    return { pfs, branch, recent, confirm, commitLog, options }
  }

  async function runTurn(branch: Branch, batch: readonly (Group | Alone)[]): Promise<void> {
    const groups: Group[] = []
    for (const work of batch) {
      if (work.alone) return work.hold()
      groups.push(work)
    }
    const changes = groups.flatMap((group) => group.changes)
    const over = new AbortController()
    const stopLimit = limitTime(over, turnMilliseconds)
    const authToken = batch[0]?.authToken
    const options = { signal: over.signal, ...(authToken !== undefined && { authToken }) }
    const outcomes = await commitChanges(turnOf(branch, options), changes)
    stopLimit()
    const told = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? { ...outcome, reason: reasonOf(over, outcome.reason) } : outcome,
    )
    let offset = 0
    for (const group of groups) {
      group.settle(told.slice(offset, offset + group.changes.length))
      offset += group.changes.length
    }
  }

  const takeTurnOf =
    (branch: Branch): TakeTurn =>
    (paths, options) =>
      new Promise((resolve, reject) => {
        const hold = (): Promise<void> => new Promise((release) => resolve(release))
        const entry: Alone = { alone: true, paths, bytes: 0, authToken: options.authToken, hold }
        queueOf(branch).enter(entry, reject, options.signal)
      })

  function commit(branch: Branch, changes: readonly Change[], options: CallOptions): Promise<readonly Outcome[]> {
    return new Promise((settle, reject) => {
      const bytes = changes.reduce(
        (sum, { content }) => sum + (content && 'raw' in content ? content.raw.length : 0),
        0,
      )
      const paths = changes.map((change) => change.path)
      const entry: Group = { alone: false, paths, bytes, authToken: options.authToken, changes, settle }
      queueOf(branch).enter(entry, reject, options.signal)
    })
  }

  async function stream(branch: Branch, change: StreamedChange, options: CallOptions): Promise<Committed> {
    // Before the body is sent: of any size, it is not worth sending to a branch that is not there.
    const head = await inspectHead(pfs, branch, options)
    if (head.state !== 'open')
      return commitStream(turnOf(branch, options), change, takeTurnOf(branch), turnMilliseconds)
    // Whoever holds the commit open may finish it while the body comes, and what is written into it then destroys it.
    const { path, condition } = change
    const content = { copyOf: await stageBody(pfs, change, options) }
    return committedOf(await commit(branch, [{ path, content, ...(condition && { condition }) }], options))
  }

  async function alone<Result>(branch: Branch, options: CallOptions, work: () => Promise<Result>): Promise<Result> {
    const release = await takeTurnOf(branch)([], options)
    try {
      return await work()
    } finally {
      release()
    }
  }

  return { commit, stream, alone }
}

function nameOf({ repo, name }: Branch): string {
  return JSON.stringify([repo.project, repo.name, repo.type, name])
}

/** The commit of the last of some changes; throws the reason of the first that was refused. */
export function committedOf(outcomes: readonly Outcome[]): Committed {
  let committed: Committed | undefined
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason
    committed = outcome.value
  }
  if (committed === undefined) throw new Error('there was no change to commit')
  return committed
}
