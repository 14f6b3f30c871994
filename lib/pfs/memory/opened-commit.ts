import { type CallOptions, type Commit, fileSetRepo } from '../client.js'
import { PfsError } from '../errors.js'
import { authenticate, authorize } from './auth.js'
import { commitFromRecord } from './commit-info.js'
import { findCommit } from './lookup.js'
import { repoName } from './names.js'
import type { CommitRecord, FileSetRecord, State } from './state.js'
import type { Snapshot } from './store/snapshot.js'

/** A commit, or a file set that is read as one, as it stands when a call begins. */
export interface OpenedCommit {
  /** By repo and id. */
  readonly commit: Commit
  readonly snapshot: Snapshot
  /** Absent for an open commit and for a file set. */
  readonly committed?: Date
}

/** Opens a commit for reading; throws what pachd refuses, with `context` before its text. */
export function openCommit(
  state: State,
  commit: Commit,
  options: CallOptions | undefined,
  permissions: readonly string[],
  context = '',
): OpenedCommit {
  authenticate(state, options)
  if (repoName(commit.repo) === repoName(fileSetRepo)) {
    const id = commit.id ?? ''
    return { commit: { repo: fileSetRepo, id }, snapshot: findFileSet(state, id, context).snapshot }
  }
  const record = findCommit(state, commit, context)
  authorize(state, options, record.repo, permissions, context)
  return openRecord(record)
}

/** The commit as it stands. */
export function openRecord(record: CommitRecord): OpenedCommit {
  const { snapshot, finishing } = record
  return { commit: commitFromRecord(record), snapshot, ...(finishing && { committed: finishing }) }
}

/** The file set, unless its time is over. */
export function findFileSet(state: State, id: string, context = ''): FileSetRecord {
  const record = state.fileSets.get(id)
  if (record && record.expires > state.now()) return record
  state.fileSets.delete(id)
  throw new PfsError('UNKNOWN', `${context}path does not exist`)
}
