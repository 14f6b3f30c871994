import type { Commit, CommitInfo } from '../client.js'
import { commitError } from './commit-records.js'
import type { CommitRecord } from './state.js'

/** The commit by repo and id. */
export function commitFromRecord({ repo, id }: CommitRecord): Commit {
  return { repo, id }
}

/** What `InspectCommit` shows: of the sizes the one that is known when the commit is finished. */
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

/** What `ListCommit` shows: the upper bound of the size too. */
export function listInfoFromCommit(record: CommitRecord): CommitInfo {
  const { base, snapshot, addedBytes, finished } = record
  // Until pachd has put a commit together, which it does not do with one in error, it knows only what was added.
  const isExact = finished && commitError(record) === ''
  return {
    ...infoFromCommit(record),
    sizeBytesUpperBound: isExact ? snapshot.root.bytes : base.root.bytes + addedBytes,
  }
}
