import type { CallOptions, CommitState } from '../client.js'
import { untilCancelled } from './cancellation.js'
import { commitFromRecord } from './commit-info.js'
import { findCommit } from './lookup.js'
import type { CommitRecord, State } from './state.js'

/** Waits until a commit has come to a state; throws NOT_FOUND when it is gone. */
export async function untilReached(
  state: State,
  commit: CommitRecord,
  wanted: CommitState,
  options: CallOptions | undefined,
): Promise<void> {
  while (!hasReached(commit, wanted)) await nextChange(state, commit, options)
}

function hasReached(commit: CommitRecord, state: CommitState): boolean {
  if (state === 'FINISHED') return commit.finished !== undefined
  return state !== 'FINISHING' || commit.finishing !== undefined
}

async function nextChange(state: State, commit: CommitRecord, options: CallOptions | undefined): Promise<void> {
  let wake = () => {}
  const changed = new Promise<void>((resolve) => {
    wake = resolve
  })
  commit.waiting.add(wake)
  try {
    await untilCancelled(changed, options?.signal)
  } finally {
    commit.waiting.delete(wake)
  }
  findCommit(state, commitFromRecord(commit))
}
