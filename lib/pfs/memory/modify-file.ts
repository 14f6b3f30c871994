import { setTimeout } from 'node:timers/promises'
import type { CallOptions, Commit, PfsClient } from '../client.js'
import { PfsError } from '../errors.js'
import { authenticate, authorize } from './auth.js'
import { moveBranch } from './branches.js'
import { forEachUntilCancelled, throwIfCancelled, untilCancelled } from './cancellation.js'
import { addCommit, closeCommit, refuseClosed, writeInto } from './commit-records.js'
import { refuseOutputBranch } from './commits.js'
import { recordOperation, type Writing } from './file-operations.js'
import { findCommit, findRepo } from './lookup.js'
import { branchName, repoName, validateName } from './names.js'
import type { CommitRecord, State } from './state.js'
import { type Changes, createChanges } from './store/changes.js'
import type { Directory } from './store/directory.js'

/** The call that writes files. */
export function createModifyFile(state: State): PfsClient['modifyFile'] {
  return async function modifyFile(target, operations, options) {
    authenticate(state, options)
    authorize(state, options, target.repo, ['REPO_WRITE'])
    const { repo, branch, id } = target
    // For an id that it does not find, pachd makes a commit on the branch, also while another one is open there.
    const isKnown = id === undefined || state.repos.get(repoName(repo))?.commits.has(id)
    const isNew = branch !== undefined && !isKnown
    const commit = isNew ? { repo, branch } : target
    const open = isNew ? undefined : findOpenCommit(state, commit)
    const head = open ?? findRepo(state, repo).branches.get(branch ?? '')?.head
    const writing: Writing = { changes: createChanges(), options, parent: () => head && parentOf(head) }
    await forEachUntilCancelled(operations, options?.signal, (operation) => recordOperation(state, writing, operation))
    await waitForTurn(state, commit, options)
    throwIfCancelled(options?.signal)
    if (open) writeIntoOpen(open, writing.changes)
    else commitOneOff(state, commit, writing.changes, options)
  }
}

/** Puts the changes into a commit that was open when they began. pachd does not look again, and loses what it held. */
function writeIntoOpen(open: CommitRecord, changes: Changes): void {
  if (open.finishing) throw new PfsError('UNKNOWN', 'the commit is forgotten')
  writeInto(open, [changes])
}

/** Makes a commit of its own for the changes. */
function commitOneOff(state: State, commit: Commit, changes: Changes, options: CallOptions | undefined): void {
  const repo = findRepo(state, commit.repo)
  refuseOpenParent(state, commit)
  const createdBy = authenticate(state, options) ?? ''
  const branch = commit.branch ?? ''
  const parent = repo.branches.get(branch)?.head
  const record = addCommit(state, repo, { branch, origin: 'USER', createdBy, parent })
  writeInto(record, [changes])
  moveBranch(state, repo, branch, record, createdBy)
  closeCommit(state, record)
}

/** A commit that was opened while the bytes came is not written into, and nothing is made on top of it. */
function refuseOpenParent(state: State, commit: Commit): void {
  const open = findOpenCommit(state, commit)
  if (!open) return
  throw new PfsError('UNKNOWN', `create commit: parent commit ${repoName(open.repo)}@${open.id} has not been finished`)
}

/** The open commit that a write goes into; undefined where it gets one of its own. Throws where there can be none. */
function findOpenCommit(state: State, commit: Commit): CommitRecord | undefined {
  if (commit.id) {
    const record = findCommit(state, commit)
    refuseClosed(record)
    return record
  }
  const name = commit.branch ?? ''
  validateName(name)
  const repo = findRepo(state, commit.repo)
  const head = repo.branches.get(name)?.head
  if (head && !head.finishing) return head
  refuseOutputBranch(repo, name)
  return undefined
}

/** The tree of which a deleted directory is one; known when the head, or the commit below it, is finished. */
function parentOf(head: CommitRecord): Directory {
  if (head.parent && !head.finished && !head.parent.finished) {
    const name = repoName(head.repo)
    throw new PfsError('UNKNOWN', `base commit ${name}@${head.parent.id} for commit ${name}@${head.id} unfinished`)
  }
  return head.snapshot.root
}

/** Waits until the commits before this one on the branch are made, and as long as making one takes. */
async function waitForTurn(state: State, commit: Commit, options: CallOptions | undefined): Promise<void> {
  const milliseconds = state.options.commitMilliseconds ?? 0
  if (milliseconds === 0 || findOpenCommit(state, commit)) return
  const name = branchName({ repo: commit.repo, name: commit.branch ?? '' })
  const before = state.commitQueues.get(name) ?? Promise.resolve()
  const turn = before.then(() => setTimeout(milliseconds))
  state.commitQueues.set(name, turn)
  turn.then(() => state.commitQueues.get(name) === turn && state.commitQueues.delete(name))
  await untilCancelled(turn, options?.signal)
}
