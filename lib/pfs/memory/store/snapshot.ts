import { applyChanges, type Changes } from './changes.js'
import { createDirectory, type Directory } from './directory.js'
import { findViolations, type Violation } from './violations.js'

/** What a commit holds: a tree that never changes, and what is wrong with it. */
export interface Snapshot {
  readonly root: Directory
  /** In order of the second path; a commit that finishes with one of them is in error. */
  readonly violations: readonly Violation[]
}

/** A snapshot with no file. */
export function createSnapshot(): Snapshot {
  return { root: createDirectory(), violations: [] }
}

/** The snapshot after the changes, made one after the other. */
export function changeSnapshot(snapshot: Snapshot, layers: readonly Changes[]): Snapshot {
  return layers.reduce((before, changes) => {
    const root = applyChanges(before.root, changes)
    return { root, violations: findViolations(root, changes.paths.keys(), before.violations) }
  }, snapshot)
}
