import { unlessAborted } from '../concurrency.js'
import { noteLookup } from '../diagnostics.js'
import {
  type Branch,
  type CallOptions,
  type Commit,
  type FileInfo,
  type FileOperation,
  fileSetRepo,
  headOf,
  type PfsClient,
} from '../pfs/client.js'
import { isMissing, PfsError, type Refusal } from '../pfs/errors.js'
import { type Check, checkChanges, isNewFile } from './branch-checks.js'
import { type Change, operationsOf } from './change.js'
import type { CommitLog } from './commit-log.js'
import { type Head, inspectFinished, inspectHead, type RecentCommits } from './head.js'
import { findMadeCommit } from './made-commit.js'

/** A committed change. */
export interface Committed {
  readonly commitId: string
  /** The parent commit, and PFS's time of the commit; undefined if the change went into an open commit. */
  readonly parentId: string | undefined
  readonly time: Date | undefined
  /** When the open commit was started; undefined if the change made a commit. */
  readonly started?: Date | undefined
}

/** A change that was refused, or failed. */
interface FailedChange extends PromiseRejectedResult {
  /** Set if its commit may have been made all the same: a call after it may have failed. */
  readonly mayBeCommitted?: true
}

export type Outcome = PromiseFulfilledResult<Committed> | FailedChange

/** The outcome of each change. */
export type Outcomes = ReadonlyMap<Change, Outcome>

/** When a write gets its response: after its commit was made, or after pachd has also finished and validated it. */
export type RespondAfter = 'commit' | 'finish'

/** A turn to write a branch. */
export interface Turn {
  readonly pfs: PfsClient
  readonly branch: Branch
  readonly recent: RecentCommits
  readonly respondAfter: RespondAfter
  readonly commitLog: CommitLog | undefined
  readonly options: CallOptions
}

/** Maximum attempts if others open or finish commits in the meantime. */
const maxTries = 5

/**
 * Commits changes of unrelated paths of a branch together, and returns the outcome of each. If PFS refuses the commit for
 * a reason that may concern a single change, the batch is split and retried, so that only that change fails.
 */
export async function commitChanges(turn: Turn, changes: readonly Change[], tries = maxTries): Promise<Outcomes> {
  try {
    const { head, checks } = await checkAgainstHead(turn, changes)
    const refused = new Map<Change, Outcome>()
    const accepted = new Map<Change, FileInfo | undefined>()
    for (const [index, change] of changes.entries()) {
      const check = checks[index]
      if (check?.status === 'rejected') refused.set(change, check)
      else accepted.set(change, check?.value)
    }
    for (const [change, reason] of await prepareAll([...accepted.keys()], head, turn.options)) {
      accepted.delete(change)
      refused.set(change, rejected(reason))
    }
    return new Map([...refused, ...(await commitAccepted(turn, head, accepted, tries))])
  } catch (reason) {
    return allOf(changes, rejected(reason))
  }
}

/** Prepares changes, and returns the reasons of those that fail, or have no result when the turn must end. */
async function prepareAll(
  changes: readonly Change[],
  head: Head,
  { signal }: CallOptions,
): Promise<ReadonlyMap<Change, unknown>> {
  const failed = new Map<Change, unknown>()
  const prepare = async (change: Change): Promise<void> => {
    try {
      if (change.prepare !== undefined) await unlessAborted(change.prepare(head), signal)
    } catch (reason) {
      failed.set(change, reason)
    }
  }
  await Promise.all(changes.filter((change) => change.prepare !== undefined).map(prepare))
  return failed
}

/**
 * Inspects the head and checks changes against it. If the head is likely to be the last commit of this process, both are
 * done side by side, and the checks once more if it is another.
 */
async function checkAgainstHead(
  { pfs, branch, recent, options }: Turn,
  changes: readonly Change[],
): Promise<{ readonly head: Head; readonly checks: readonly Check[] }> {
  const paths = changes.filter(({ isUnchecked }) => isUnchecked !== true).map(({ path }) => path)
  const check = (id: string, isDirectory: (path: string) => boolean): Promise<readonly Check[]> =>
    checkChanges({ pfs, commit: { repo: branch.repo, id }, history: recent.history, isDirectory }, changes, options)

  const guess = recent.guessCommitToCheck(paths)
  const [inspected, guessed] = await Promise.allSettled([
    inspectHead(pfs, branch, options),
    guess && check(guess.commitId, recent.isDirectory),
  ])
  if (inspected.status === 'rejected') throw inspected.reason
  const head = inspected.value
  if (noteLookup('recent-commits', guess !== undefined && recent.isRight(guess, head))) {
    if (guessed.status === 'fulfilled') return { head, checks: guessed.value ?? [] }
    // Someone may have squashed the commit below the head.
    if (!isMissing(guessed.reason)) throw guessed.reason
  }
  const id = await recent.commitToCheck(head, paths, (commitId) => inspectFinished(pfs, branch, commitId, options))
  return { head, checks: await check(id, head.state === 'open' ? () => false : recent.isDirectory) }
}

/** Changes that passed the checks, each with the file that it replaces or deletes. */
type Accepted = ReadonlyMap<Change, FileInfo | undefined>

async function commitAccepted(turn: Turn, head: Head, accepted: Accepted, tries: number): Promise<Outcomes> {
  if (accepted.size === 0) return new Map()
  const changes = [...accepted.keys()]
  try {
    const value = head.state === 'open' ? await addToOpen(turn, head, accepted) : await makeCommit(turn, head, accepted)
    return allOf(changes, { status: 'fulfilled', value })
  } catch (failure) {
    if (!(failure instanceof NotCommitted)) return allOf(changes, { ...rejected(failure), mayBeCommitted: true })
    const reason = failure.cause
    if (isRace(reason) && tries > 1) return commitChanges(turn, changes, tries - 1)
    return mayConcernOneChange(reason, changes) ? commitHalves(turn, changes) : allOf(changes, rejected(reason))
  }
}

/** Thrown for a write that certainly had no effect; `cause` is PFS's reason. */
class NotCommitted extends Error {}

/**
 * Writes into a commit that another client has opened. Not with ModifyFile: pachd looks up the commit when the call begins
 * and writes when it ends; if the commit was finished in between, the write is lost or corrupts the branch.
 */
async function addToOpen({ pfs, branch, options }: Turn, head: Head, accepted: Accepted): Promise<Committed> {
  const staging = pfs.createFileSet(operationsOfAll(accepted), options)
  const fileSetId = await orNotCommitted(staging, async () => true)
  const { commitId, started } = head
  const commit = { repo: branch.repo, id: commitId }
  await orNotCommitted(pfs.addFileSet({ commit, fileSetId }, options), async () => false)
  return { commitId, parentId: undefined, time: undefined, started }
}

/** Makes a commit on top of the head, and finds its id. */
async function makeCommit(turn: Turn, head: Head, accepted: Accepted): Promise<Committed> {
  const { pfs, branch, recent, respondAfter, commitLog, options } = turn
  const changes = [...accepted.keys()]
  const isUnchanged = async () => (await inspectHead(pfs, branch, options)).commitId === head.commitId
  await orNotCommitted(pfs.modifyFile(newCommitOf(branch), operationsOfAll(accepted), options), isUnchanged)
  try {
    const after = await inspectHead(pfs, branch, options)
    const isNext = after.parentId === head.commitId && after.state !== 'open'
    const made = isNext ? after : await findMadeCommit(pfs, branch, { before: head, after }, changes, options)
    if (isNext) {
      const paths = changes.map(({ path }) => path)
      const newFiles = changes.filter(isNewFile).map(({ path }) => path)
      recent.add(made, paths, newFiles)
      commitLog?.add(branch.repo, made.commitId, { parentId: head.commitId, paths: new Set(paths) })
    }
    if (respondAfter === 'finish') {
      const { error } = await inspectFinished(pfs, branch, made.commitId, options)
      if (error !== '') throw new PfsError('UNKNOWN', error)
    }
    return { commitId: made.commitId, parentId: made.parentId, time: made.time }
  } catch (reason) {
    // PFS drops the content of such a commit. After any other error, the commit may exist.
    if (reason instanceof PfsError && reason.refusal === 'collision') throw new NotCommitted('', { cause: reason })
    throw reason
  }
}

/** An id that no commit has. */
const unusedCommitId = '00000000000040008000000000000000'

/**
 * Addresses a branch so that ModifyFile always makes a new commit. With the branch alone, pachd would write into a commit
 * that another client opens at the same moment, with the risk that `addToOpen` describes. For an unknown id, pachd makes a
 * new commit on the branch, and refuses if the head is open.
 */
function newCommitOf(branch: Branch): Commit {
  return { ...headOf(branch), id: unusedCommitId }
}

/** Throws NotCommitted if PFS refused a call; for an unknown reason, only if `isUnchanged` confirms that it had no effect. */
async function orNotCommitted<Result>(call: Promise<Result>, isUnchanged: () => Promise<boolean>): Promise<Result> {
  try {
    return await call
  } catch (reason) {
    if (!(reason instanceof PfsError) || !reason.isDefinite) throw reason
    const isKnown = reason.status !== 'UNKNOWN' || reason.refusal !== undefined
    if (isKnown || (await isUnchanged().catch(() => false))) throw new NotCommitted('', { cause: reason })
    throw reason
  }
}

/**
 * Commits the two halves of a batch separately. Copies are sorted last and by source, so that all changes with the same
 * missing source are in the same half.
 */
async function commitHalves(turn: Turn, changes: readonly Change[]): Promise<Outcomes> {
  const sorted = [...changes].sort((a, b) => compare(sourceOf(a), sourceOf(b)))
  const firstCopy = sorted.findIndex((change) => sourceOf(change) !== '')
  const middle = firstCopy > 0 ? firstCopy : Math.ceil(sorted.length / 2)
  const before = await commitChanges(turn, sorted.slice(0, middle))
  return new Map([...before, ...(await commitChanges(turn, sorted.slice(middle)))])
}

/** The commit that a change copies from; '' for new bytes, also if they are staged in a file set. */
function sourceOf({ content }: Change): string {
  if (content === undefined || 'raw' in content) return ''
  const { repo, id, branch } = content.copyOf.commit
  return repo.name === fileSetRepo.name ? '' : JSON.stringify([repo.project, repo.name, repo.type, branch, id])
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** PFS refuses a single path for these reasons; for any other reason it refuses the branch or the caller. */
const refusalsOfOneChange: readonly (Refusal | undefined)[] = ['path', 'collision', 'not-a-file', undefined]

/** Whether PFS may have refused a commit because of only some of its changes. */
function mayConcernOneChange(reason: unknown, changes: readonly Change[]): boolean {
  if (!(reason instanceof PfsError) || changes.length === 1) return false
  if (reason.missing !== undefined || reason.status === 'PERMISSION_DENIED') {
    return new Set(changes.map(sourceOf)).size > 1
  }
  const isOfRequest = reason.status === 'UNKNOWN' || reason.status === 'INVALID_ARGUMENT'
  return isOfRequest && refusalsOfOneChange.includes(reason.refusal)
}

/** Refusals if another client has opened or finished a commit since the head was inspected, or is doing so. */
const racingRefusals: readonly (Refusal | undefined)[] = ['finished', 'open-parent', 'rolled-back']

function isRace(reason: unknown): boolean {
  return reason instanceof PfsError && racingRefusals.includes(reason.refusal)
}

function* operationsOfAll(accepted: Accepted): Generator<FileOperation> {
  for (const [change, current] of accepted) yield* operationsOf(change, current?.file.datum)
}

function allOf(changes: readonly Change[], outcome: Outcome): Outcomes {
  return new Map(changes.map((change) => [change, outcome]))
}

function rejected(reason: unknown): FailedChange {
  return { status: 'rejected', reason }
}
