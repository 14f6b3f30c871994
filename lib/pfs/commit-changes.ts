import { checkChanges } from './branch-checks.js'
import { type Change, operationsOf } from './changes.js'
import type { Branch, CallOptions, Commit, FileOperation, PfsClient } from './client.js'
import { PfsError } from './errors.js'

/** A change that is in PFS. */
export interface Committed {
  readonly commitId: string
}

export type Outcome = PromiseSettledResult<Committed>

/** When a write counts as made: its commit is in, or pachd has finished and validated it. */
export type Confirm = 'commit' | 'finished'

/**
 * Makes changes to unrelated paths of a branch in one commit; the outcome of each. Where PFS refuses the commit, it
 * is taken apart and tried again, so that one bad change hurts no neighbour.
 */
export async function commitChanges(
  pfs: PfsClient,
  branch: Branch,
  changes: readonly Change[],
  confirm: Confirm,
  options: CallOptions,
): Promise<readonly Outcome[]> {
  let refusals: readonly unknown[]
  try {
    refusals = await checkChanges(pfs, branch, changes, options)
  } catch (reason) {
    return changes.map(() => rejected(reason))
  }
  const accepted = changes.filter((_, index) => refusals[index] === undefined)
  const outcomes = (await commitAccepted(pfs, branch, accepted, confirm, options)).values()
  return refusals.map((reason) =>
    reason === undefined ? (outcomes.next().value ?? rejected(reason)) : rejected(reason),
  )
}

/** The id of the commit that was just made, once it is as far as `confirm` asks. */
export async function confirmHead(
  pfs: PfsClient,
  branch: Branch,
  confirm: Confirm,
  options: CallOptions,
): Promise<Committed> {
  const made = await inspectHead(pfs, branch, confirm, options)
  if (made.error !== undefined) throw made.error
  return made
}

/** The commit that was just made, and why PFS has found it to be broken where `confirm` asks for that. */
async function inspectHead(
  pfs: PfsClient,
  branch: Branch,
  confirm: Confirm,
  options: CallOptions,
): Promise<Committed & { readonly error?: PfsError }> {
  const { head } = await pfs.inspectBranch(branch, options)
  if (head?.id === undefined) throw new PfsError('INTERNAL', `branch ${branch.name} has no head after a commit`)
  if (confirm === 'commit') return { commitId: head.id }
  // A commit that somebody holds open takes the write in and is finished only when they say so.
  const { finishing } = await pfs.inspectCommit({ commit: head }, options)
  if (finishing === undefined) return { commitId: head.id }
  const { error } = await pfs.inspectCommit({ commit: head, wait: 'FINISHED' }, options)
  return { commitId: head.id, ...(error !== '' && { error: new PfsError('UNKNOWN', error) }) }
}

async function commitAccepted(
  pfs: PfsClient,
  branch: Branch,
  changes: readonly Change[],
  confirm: Confirm,
  options: CallOptions,
): Promise<readonly Outcome[]> {
  if (changes.length === 0) return []
  const commit: Commit = { repo: branch.repo, branch: branch.name }
  try {
    await pfs.modifyFile(commit, operationsOfAll(changes), options)
  } catch (reason) {
    return commitApart(pfs, branch, changes, confirm, options, reason)
  }
  try {
    const { commitId, error } = await inspectHead(pfs, branch, confirm, options)
    if (error !== undefined) return await commitApart(pfs, branch, changes, confirm, options, error)
    return changes.map(() => ({ status: 'fulfilled', value: { commitId } }))
  } catch (reason) {
    // The commit is in: made again, a write would be held against itself.
    return changes.map(() => rejected(reason))
  }
}

/** What becomes of changes whose commit was refused: where the reason may be only one of them, each half is tried. */
async function commitApart(
  pfs: PfsClient,
  branch: Branch,
  changes: readonly Change[],
  confirm: Confirm,
  options: CallOptions,
  reason: unknown,
): Promise<readonly Outcome[]> {
  if (changes.length === 1 || !mayBeOfOneChange(reason)) return changes.map(() => rejected(reason))
  const middle = Math.ceil(changes.length / 2)
  const outcomes: Outcome[] = []
  for (const half of [changes.slice(0, middle), changes.slice(middle)]) {
    outcomes.push(...(await commitChanges(pfs, branch, half, confirm, options)))
  }
  return outcomes
}

function* operationsOfAll(changes: readonly Change[]): Generator<FileOperation> {
  for (const change of changes) yield* operationsOf(change)
}

/** Whether a refusal is certain, and not one that every change would get. */
function mayBeOfOneChange(reason: unknown): boolean {
  return (
    reason instanceof PfsError &&
    reason.isDefinite &&
    reason.status !== 'UNAUTHENTICATED' &&
    reason.status !== 'PERMISSION_DENIED'
  )
}

function rejected(reason: unknown): Outcome {
  return { status: 'rejected', reason }
}
