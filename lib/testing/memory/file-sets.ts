import { PfsError } from '../../pfs/errors.js'
import type { PachydermApi } from '../pachyderm-api.js'
import { authenticate, authorize } from './auth.js'
import { forEachUntilCancelled } from './cancellation.js'
import { refuseClosed, writeInto } from './commit-records.js'
import { findCommit } from './lookup.js'
import { recordOperation, type Writing } from './modify-file.js'
import { createFileSetId } from './names.js'
import { findFileSet } from './opened-commit.js'
import type { CommitRecord, State } from './state.js'
import {
  addRecords,
  type Changes,
  changeSnapshot,
  changesFromTree,
  createChanges,
  createSnapshot,
  deletePath,
} from './store/changes.js'
import { differences } from './store/walk.js'

type FileSetCalls = Pick<
  PachydermApi,
  'createFileSet' | 'getFileSet' | 'addFileSet' | 'renewFileSet' | 'composeFileSet'
>

const defaultTtlSeconds = 600
const maxTtlSeconds = 1800
const nanosecondsInSecond = 1_000_000_000

/** The calls for file sets. */
export function createFileSetCalls(state: State): FileSetCalls {
  return {
    async createFileSet(operations, options) {
      authenticate(state, options)
      const changes = createChanges()
      const writing: Writing = { changes, options, parent: () => undefined }
      await forEachUntilCancelled(operations, options?.signal, (operation) =>
        recordOperation(state, writing, operation),
      )
      return keepFileSet(state, [changes], defaultTtlSeconds)
    },

    async getFileSet({ commit, type = 'TOTAL' }, options) {
      authenticate(state, options)
      const record = findCommit(state, commit, 'get file set: ')
      authorize(state, options, record.repo, ['REPO_READ'])
      const changes = type === 'DIFF' ? changesOfCommit(record) : changesFromTree(record.snapshot.root)
      return keepFileSet(state, [changes], defaultTtlSeconds)
    },

    async addFileSet({ commit, fileSetId }, options) {
      authenticate(state, options)
      const record = findCommit(state, commit)
      authorize(state, options, record.repo, ['REPO_WRITE'])
      refuseClosed(record)
      writeInto(record, findFileSet(state, fileSetId).layers)
    },

    async renewFileSet({ fileSetId, ttlSeconds }, options) {
      authenticate(state, options)
      const record = findFileSet(state, fileSetId)
      record.expires = expiry(state, ttlSeconds)
    },

    async composeFileSet({ fileSetIds, ttlSeconds = defaultTtlSeconds }, options) {
      authenticate(state, options)
      const layers = fileSetIds.flatMap((id) => layersOf(state, id))
      return keepFileSet(state, layers, ttlSeconds)
    },
  }
}

function layersOf(state: State, id: string): readonly Changes[] {
  const record = state.fileSets.get(id)
  if (record && record.expires > state.now()) return record.layers
  throw new PfsError('UNKNOWN', 'the operation would create a dangling reference')
}

function keepFileSet(state: State, layers: readonly Changes[], ttlSeconds: number): string {
  const expires = expiry(state, ttlSeconds)
  const now = state.now()
  for (const [id, record] of state.fileSets) {
    // Sorted by age; a file set with a longer lifetime delays the removal of younger ones, at most by the maximum lifetime.
    if (record.expires > now) break
    state.fileSets.delete(id)
  }
  const id = createFileSetId()
  state.fileSets.set(id, { layers, snapshot: changeSnapshot(createSnapshot(), layers), expires })
  return id
}

function expiry(state: State, ttlSeconds: number): Date {
  if (ttlSeconds > maxTtlSeconds) {
    const [ttl, max] = [ttlSeconds, maxTtlSeconds].map((seconds) => seconds * nanosecondsInSecond)
    throw new PfsError('UNKNOWN', `ttl (${ttl}) exceeds max ttl (${max})`)
  }
  return new Date(state.now().getTime() + (ttlSeconds || defaultTtlSeconds) * 1000)
}

function changesOfCommit({ base, snapshot }: CommitRecord): Changes {
  const changes = createChanges()
  for (const { path, before, after } of differences(base.root, snapshot.root, '/')) {
    for (const { datum } of before && 'records' in before ? before.records : []) deletePath(changes, path, datum)
    if (after && 'records' in after) addRecords(changes, path, after.records)
  }
  return changes
}
