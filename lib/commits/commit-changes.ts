import { type Branch, type CallOptions, type FileOperation, headOf, type PfsClient } from '../pfs/client.js'
import { PfsError, type Refusal } from '../pfs/errors.js'
import { checkChanges, needsCheck } from './branch-checks.js'
import { type Change, operationsOf } from './change.js'
import type { CommitLog } from './commit-log.js'
import { type Head, inspectFinished, inspectHead, type RecentCommits } from './head.js'
import { findMadeCommit, type WrittenPath, writtenBy } from './made-commit.js'

/** A change that is in PFS. */
export interface Committed {
  readonly commitId: string
}

export type Outcome = PromiseSettledResult<Committed>

/** When a write counts as made: its commit is in, or pachd has finished and validated it. */
export type Confirm = 'commit' | 'finished'

/** A branch whose turn it is. */
export interface Turn {
  readonly pfs: PfsClient
  readonly branch: Branch
  readonly recent: RecentCommits
  readonly confirm: Confirm
  readonly commitLog: CommitLog | undefined
  readonly options: CallOptions
}

/** How a turn has begun. */
export interface Start {
  /** The head that changes were checked against. */
  readonly head: Head
  /** For each change the reason why it must not be made, or undefined. */
  readonly refusals: readonly unknown[]
}

/**
 * Makes changes to unrelated paths of a branch in one commit; the outcome of each. Where PFS refuses the commit, it
 * is taken apart and tried again, so that one bad change hurts no neighbour.
 */
export async function commitChanges(turn: Turn, changes: readonly Change[]): Promise<readonly Outcome[]> {
  let start: Start
  try {
    start = await beginTurn(turn, changes)
  } catch (reason) {
    return changes.map(() => rejected(reason))
  }
  const accepted = changes.filter((_, index) => start.refusals[index] === undefined)
  const outcomes = new Map<Change | undefined, Outcome>()
  for (const [index, outcome] of (await commitAccepted(turn, start.head, accepted)).entries()) {
    outcomes.set(accepted[index], outcome)
  }
  return changes.map((change, index) => outcomes.get(change) ?? rejected(start.refusals[index]))
}

/** Checks changes against the head; throws where the branch itself is not there (a write would make it) or takes no writes. */
export async function beginTurn({ pfs, branch, recent, options }: Turn, changes: readonly Change[]): Promise<Start> {
  const head = await inspectHead(pfs, branch, options)
  const paths = changes.filter(needsCheck).map(({ path }) => path)
  const id = await recent.commitToCheck(head, paths, (commitId) => inspectFinished(pfs, branch, commitId, options))
  return { head, refusals: await checkChanges(pfs, { repo: branch.repo, id }, changes, options) }
}

/**
 * The commit that holds what was written, once it is as far as `confirm` asks: one on top of `before`, or `before` itself
 * where that was open. Throws what PFS found wrong with it.
 */
export async function endTurn(turn: Turn, before: Head, written: readonly WrittenPath[]): Promise<Committed> {
  const { pfs, branch, recent, confirm, commitLog, options } = turn
  const after = await inspectHead(pfs, branch, options)
  const { commitId } = after
  // A commit that somebody holds open takes the write in, and is finished only when they say so.
  if (commitId === before.commitId || after.state === 'open') return { commitId }
  if (after.parentId !== before.commitId) {
    const made = await findMadeCommit(pfs, branch, { before, after }, written, options)
    return { commitId: made.commitId }
  }
  const paths = written.map(({ path }) => path)
  recent.add(after, paths)
  commitLog?.add(branch.repo, commitId, { parentId: before.commitId, paths: new Set(paths) })
  if (confirm === 'commit') return { commitId }
  const { error } = await inspectFinished(pfs, branch, commitId, options)
  if (error !== '') throw new PfsError('UNKNOWN', error)
  return { commitId }
}

async function commitAccepted(turn: Turn, head: Head, changes: readonly Change[]): Promise<readonly Outcome[]> {
  if (changes.length === 0) return []
  try {
    await turn.pfs.modifyFile(headOf(turn.branch), operationsOfAll(changes), turn.options)
  } catch (reason) {
    if (await isUndone(turn, head, reason)) return commitApart(turn, changes, reason)
    return changes.map(() => rejected(reason))
  }
  try {
    const value = await endTurn(turn, head, changes.map(writtenBy))
    return changes.map(() => ({ status: 'fulfilled', value }))
  } catch (reason) {
    // What PFS drops because of a collision can be made again; anything else may be in, and would be held against itself.
    if (reason instanceof PfsError && reason.refusal === 'collision') return commitApart(turn, changes, reason)
    return changes.map(() => rejected(reason))
  }
}

/** What becomes of changes whose commit was refused: where the reason may be only one of them, each half is tried. */
async function commitApart(turn: Turn, changes: readonly Change[], reason: unknown): Promise<readonly Outcome[]> {
  if (changes.length === 1 || !mayBeOfOneChange(reason)) return changes.map(() => rejected(reason))
  const middle = Math.ceil(changes.length / 2)
  const outcomes: Outcome[] = []
  for (const half of [changes.slice(0, middle), changes.slice(middle)]) {
    outcomes.push(...(await commitChanges(turn, half)))
  }
  return outcomes
}

function* operationsOfAll(changes: readonly Change[]): Generator<FileOperation> {
  for (const change of changes) yield* operationsOf(change)
}

/** Whether a refused commit has certainly not been made: of an UNKNOWN whose words say nothing, only the head can tell. */
async function isUndone({ pfs, branch, options }: Turn, before: Head, reason: unknown): Promise<boolean> {
  if (!(reason instanceof PfsError) || !reason.isDefinite) return false
  if (reason.status !== 'UNKNOWN' || reason.refusal !== undefined) return true
  try {
    return before.state !== 'open' && (await inspectHead(pfs, branch, options)).commitId === before.commitId
  } catch {
    return false
  }
}

/** What PFS refuses for the sake of one path; in other words it refuses the branch or the caller. */
const refusalsOfOneChange: readonly (Refusal | undefined)[] = ['path', 'collision', 'not-a-file', undefined]

function mayBeOfOneChange(reason: unknown): boolean {
  if (!(reason instanceof PfsError)) return false
  const isOfRequest = reason.status === 'UNKNOWN' || reason.status === 'INVALID_ARGUMENT'
  return isOfRequest && reason.missing === undefined && refusalsOfOneChange.includes(reason.refusal)
}

function rejected(reason: unknown): Outcome {
  return { status: 'rejected', reason }
}

/** Aborts what takes longer than it may, unless the result is called before. */
export function limitTime(work: AbortController, milliseconds: number): () => void {
  const timer = setTimeout(() => work.abort(new PfsError('DEADLINE_EXCEEDED', 'PFS took too long')), milliseconds)
  return () => clearTimeout(timer)
}

/** Why work failed: that it took too long, where that is what has cancelled it. */
export function reasonOf({ signal }: AbortController, reason: unknown): unknown {
  return signal.reason instanceof PfsError ? signal.reason : reason
}
