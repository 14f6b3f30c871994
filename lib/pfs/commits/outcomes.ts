import type { Committed, Outcome } from './commit-changes.js'

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
