import type { Commit, CommitInfo, OriginKind } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { createCommitId, repoName } from './names.js'
import type { CommitRecord, RepoRecord, State } from './state.js'
import {
  addedBytes,
  type Changes,
  changeSnapshot,
  createSnapshot,
  deletedInVain,
  type Snapshot,
} from './store/changes.js'

interface NewCommit {
  readonly branch: string
  readonly origin: OriginKind
  readonly createdBy: string
  readonly parent?: CommitRecord | undefined
  readonly description?: string
  readonly directProvenance?: readonly Commit[]
}

/** Adds an open commit with the content of its parent; the content of a failed parent is dropped. */
export function addCommit(state: State, repo: RepoRecord, commit: NewCommit): CommitRecord {
  const { branch, origin, createdBy, parent, description = '', directProvenance = [] } = commit
  const base = baseFor(parent)
  const started = state.now()
  const record: CommitRecord = {
    repo: repo.repo,
    id: createCommitId(),
    branch,
    origin,
    description,
    ...(parent && { parent }),
    children: [],
    directProvenance,
    started,
    error: '',
    base,
    snapshot: base,
    deletedInVain: new Set(),
    addedBytes: 0,
    createdBy,
    updatedAt: started,
    waiting: new Set(),
  }
  repo.commits.set(record.id, record)
  parent?.children.push(record)
  return record
}

function baseFor(parent: CommitRecord | undefined): Snapshot {
  if (!parent) return createSnapshot()
  return commitError(parent) === '' ? parent.snapshot : parent.base
}

/** The error of a commit, finished or not; '' if it has none. */
export function commitError(commit: CommitRecord): string {
  return commit.error || (commit.finishing && commit.snapshot.violations[0]?.message) || ''
}

/** Changes the content of a commit that is not closed. */
export function writeInto(commit: CommitRecord, layers: readonly Changes[]): void {
  const { root } = commit.snapshot
  commit.snapshot = changeSnapshot(commit.snapshot, layers)
  for (const changes of layers) {
    for (const path of deletedInVain(changes, root, commit.snapshot.root)) commit.deletedInVain.add(path)
    commit.addedBytes += addedBytes(changes)
  }
}

/** Throws UNKNOWN if the commit is closed. */
export function refuseClosed(commit: CommitRecord): void {
  if (!commit.finishing) return
  throw new PfsError('UNKNOWN', `commit ${repoName(commit.repo)}@${commit.id} has already finished`)
}

/** Closes the commit; it becomes finished a little later. */
export function closeCommit(state: State, commit: CommitRecord, error = ''): void {
  const finish = () => finishCommit(state, commit)
  commit.finishing = timeAfter(commit.parent, state.now())
  commit.error = error
  markUpdated(state, commit)
  const { finishMilliseconds } = state.options
  if (finishMilliseconds === undefined) setImmediate(finish)
  else setTimeout(finish, finishMilliseconds)
}

/** The time, but in a later millisecond than the parent's: pachd needs tens of milliseconds for a commit. */
function timeAfter(parent: CommitRecord | undefined, now: Date): Date {
  return new Date(Math.max(now.getTime(), (parent?.finishing?.getTime() ?? 0) + 1))
}

/** Finishes the commit at once. */
export function finishCommit(state: State, commit: CommitRecord): void {
  commit.finishing ??= timeAfter(commit.parent, state.now())
  commit.finished = state.now()
  markUpdated(state, commit)
}

function markUpdated(state: State, commit: CommitRecord): void {
  commit.updatedAt = state.now()
  for (const wake of commit.waiting) wake()
}

/** The commit by repo and id. */
export function commitFromRecord({ repo, id }: CommitRecord): Commit {
  return { repo, id }
}

/** The response of `InspectCommit`; the exact size is known when the commit is finished. */
export function infoFromCommit(record: CommitRecord): CommitInfo {
  return {
    commit: commitFromRecord(record),
    origin: record.origin,
    description: record.description,
    ...(record.parent && { parentCommit: commitFromRecord(record.parent) }),
    childCommits: record.children.map((child) => ({ ...commitFromRecord(child), branch: child.branch })),
    directProvenance: record.directProvenance,
    started: record.started,
    ...(record.finishing && { finishing: record.finishing }),
    ...(record.finished && { finished: record.finished }),
    error: record.finished ? commitError(record) : '',
    sizeBytesUpperBound: 0,
    sizeBytes: record.finished ? record.snapshot.root.bytes : 0,
    createdBy: record.createdBy,
    createdAt: record.started,
    updatedAt: record.updatedAt,
  }
}

/** An entry of `ListCommit`, whose upper bound of the size also depends on whether the commit is finished. */
export function listInfoFromCommit(record: CommitRecord): CommitInfo {
  const { base, snapshot, addedBytes, finished } = record
  // Until pachd has compacted a commit, which it never does for a failed one, it knows only the added bytes.
  const isExact = finished && commitError(record) === ''
  return {
    ...infoFromCommit(record),
    sizeBytesUpperBound: isExact ? snapshot.root.bytes : base.root.bytes + addedBytes,
  }
}
