import { type CallOptions, type Commit, fileSetRepo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { authenticate, authorize } from './auth.js'
import { commitFromRecord } from './commit-records.js'
import { untilReached } from './commits.js'
import { findCommit } from './lookup.js'
import { repoName } from './names.js'
import type { FileSetRecord, State } from './state.js'
import type { Snapshot } from './store/changes.js'

/** A commit, or a file set that is read like one, in its state at the start of a call. */
export interface OpenedCommit {
  /** By repo and id. */
  readonly commit: Commit
  readonly snapshot: Snapshot
  /** Undefined for an open commit and for a file set. */
  readonly committed?: Date
}

/** Whether the commit is a file set. */
export function isFileSet({ repo }: Commit): boolean {
  return repoName(repo) === repoName(fileSetRepo)
}

/** Reading bytes needs a permission, except from a file set, which anyone who knows its id may read. */
export function permissionsForBytes(commit: Commit): readonly string[] {
  return isFileSet(commit) ? [] : ['REPO_READ']
}

/**
 * Opens a commit for reading; throws pachd's errors, with `context` before their text. Waits for a commit that is
 * finishing; reads an open commit in its current state.
 */
export async function openCommit(
  state: State,
  commit: Commit,
  options: CallOptions | undefined,
  permissions: readonly string[],
  context = '',
): Promise<OpenedCommit> {
  authenticate(state, options)
  authorize(state, options, commit.repo, permissions, context)
  if (isFileSet(commit)) {
    const id = commit.id ?? ''
    return { commit: { repo: fileSetRepo, id }, snapshot: findFileSet(state, id, context).snapshot }
  }
  const record = findCommit(state, commit, context)
  const { snapshot, finishing } = record
  if (finishing) await untilReached(state, record, 'FINISHED', options)
  return { commit: commitFromRecord(record), snapshot, ...(finishing && { committed: finishing }) }
}

/** The file set, unless it has expired. */
export function findFileSet(state: State, id: string, context = ''): FileSetRecord {
  const record = state.fileSets.get(id)
  if (record && record.expires > state.now()) return record
  state.fileSets.delete(id)
  throw new PfsError('UNKNOWN', `${context}path does not exist`)
}
