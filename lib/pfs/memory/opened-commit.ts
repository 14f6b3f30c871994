import { type CallOptions, type Commit, fileSetRepo } from '../client.js'
import { PfsError } from '../errors.js'
import { authenticate, authorize } from './auth.js'
import { commitFromRecord } from './commit-info.js'
import { untilReached } from './commit-states.js'
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

/** Opens a commit, or for a caller with the permissions on the cluster a file set, to look at what it holds. */
export function openCommit(
  state: State,
  commit: Commit,
  options: CallOptions | undefined,
  permissions: readonly string[],
): Promise<OpenedCommit> {
  if (repoName(commit.repo) === repoName(fileSetRepo)) authorize(state, options, commit.repo, permissions)
  return openForBytes(state, commit, options, permissions)
}

/**
 * Opens a commit, or for anybody a file set, to read bytes; throws what pachd refuses, with `context` before its text. A
 * commit that is finishing is waited for, an open one is read as it stands.
 */
export async function openForBytes(
  state: State,
  commit: Commit,
  options: CallOptions | undefined,
  permissions: readonly string[],
  context = '',
): Promise<OpenedCommit> {
  const opened = openAsItStands(state, commit, options, permissions, context)
  if (opened.committed === undefined) return opened
  await untilReached(state, findCommit(state, opened.commit), 'FINISHED', options)
  return opened
}

/** Opens a commit for reading without waiting. */
export function openAsItStands(
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
  authorize(state, options, commit.repo, permissions, context)
  return openRecord(findCommit(state, commit, context))
}

function openRecord(record: CommitRecord): OpenedCommit {
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
