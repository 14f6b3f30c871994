import type { FileDiff, FileInfo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import type { FindCommitsResult, PachydermApi } from '../pachyderm-api.js'
import { authenticate, authorize } from './auth.js'
import { throwIfCancelled } from './cancellation.js'
import { commitFromRecord } from './commit-records.js'
import { ancestry } from './commits.js'
import { findCommit } from './lookup.js'
import { repoName } from './names.js'
import { isFileSet, type OpenedCommit, openCommit } from './opened-commit.js'
import { cleanPath, directoryPath } from './paths.js'
import { firstViolation, infoFromDirectory, infoFromFile, meets, rangeOf, unreadable } from './readable.js'
import type { CommitRecord, State } from './state.js'
import { createDirectory, findDirectory, findFile, isEmptyDirectory } from './store/directory.js'
import { type ContentHash, loadContentHash } from './store/hash.js'
import type { Violation } from './store/violations.js'
import { differences, type TreeEntry } from './store/walk.js'

type ChangeCalls = Pick<PachydermApi, 'diffFile' | 'findCommits'>

/** One side of a diff; empty for a commit without a parent. */
interface Side {
  readonly opened: OpenedCommit | undefined
  readonly path: string
}

/** The calls for changes of commits. */
export function createChangeCalls(state: State): ChangeCalls {
  return {
    // pachd 2 ignores `shallow`.
    async *diffFile({ newFile, oldFile }, options): AsyncGenerator<FileDiff> {
      const hashes = await loadContentHash()
      const opened = await openCommit(state, newFile.commit, options, ['REPO_READ'])
      const parent = oldFile || isFileSet(newFile.commit) ? undefined : findCommit(state, newFile.commit).parent
      const olds: Side = {
        opened: oldFile
          ? await openCommit(state, oldFile.commit, options, ['REPO_READ'])
          : parent && (await openCommit(state, commitFromRecord(parent), options, ['REPO_READ'])),
        path: cleanPath(oldFile?.path ?? newFile.path),
      }
      const news: Side = { opened, path: cleanPath(newFile.path) }
      const violations = { old: violationOf(olds), new: violationOf(news) }
      for (const [before, after] of pairs(olds, news)) {
        throwIfCancelled(options?.signal)
        refuseBehind(after, violations.new)
        refuseBehind(before, violations.old)
        const oldInfo = infoFromEntry(olds.opened, before, hashes)
        const newInfo = infoFromEntry(news.opened, after, hashes)
        if (!oldInfo && !newInfo) continue
        if (oldInfo && newInfo && Buffer.compare(oldInfo.hash, newInfo.hash) === 0) continue
        yield { ...(newInfo && { newFile: newInfo }), ...(oldInfo && { oldFile: oldInfo }) }
      }
      const violation = violations.new ?? violations.old
      if (violation) throw unreadable(violation)
    },

    async *findCommits({ start, filePath, limit = 0 }, options): AsyncGenerator<FindCommitsResult> {
      authenticate(state, options)
      authorize(state, options, start.repo, ['REPO_INSPECT_COMMIT'])
      const first = findCommit(state, start)
      const path = cleanPath(filePath)
      let commitsSearched = 0
      let found = 0
      let last = first
      for (const record of ancestry(first)) {
        throwIfCancelled(options?.signal)
        last = record
        if (!record.finished)
          throw new PfsError('UNAVAILABLE', `commit ${repoName(record.repo)}@${record.id} not finished`)
        if (changedIn(record, path)) {
          found++
          yield { foundCommit: commitFromRecord(record), commitsSearched }
        }
        commitsSearched++
        if (found === limit && limit > 0) break
      }
      yield { lastSearchedCommit: commitFromRecord(last), commitsSearched }
    },
  }
}

function violationOf({ opened, path }: Side): Violation | undefined {
  return opened && firstViolation(opened, rangeOf(path))
}

function refuseBehind(entry: TreeEntry | undefined, violation: Violation | undefined): void {
  if (entry && violation && meets(entry, violation)) throw unreadable(violation)
}

function changedIn({ base, snapshot, deletedInVain }: CommitRecord, path: string): boolean {
  return deletedInVain.has(path) || findFile(snapshot.root, path) !== findFile(base.root, path)
}

type Pair = readonly [before: TreeEntry | undefined, after: TreeEntry | undefined]

function* pairs(olds: Side, news: Side): Generator<Pair> {
  yield [fileOn(olds), fileOn(news)]
  const before = directoryOn(olds)
  const after = directoryOn(news)
  yield [before, after]
  const oldRoot = directoryPath(olds.path)
  const newRoot = directoryPath(news.path)
  for (const each of differences(
    before?.directory ?? createDirectory(),
    after?.directory ?? createDirectory(),
    newRoot,
  )) {
    yield [each.before && { ...each.before, path: oldRoot + each.path.slice(newRoot.length) }, each.after]
  }
}

function fileOn({ opened, path }: Side) {
  const records = opened && path !== '/' ? findFile(opened.snapshot.root, path) : undefined
  return records && { path, records }
}

function directoryOn({ opened, path }: Side) {
  const directory = opened && findDirectory(opened.snapshot.root, directoryPath(path))
  return directory && !isEmptyDirectory(directory) ? { path: directoryPath(path), directory } : undefined
}

function infoFromEntry(
  opened: OpenedCommit | undefined,
  entry: TreeEntry | undefined,
  hashes: ContentHash,
): FileInfo | undefined {
  if (!opened || !entry) return undefined
  if ('directory' in entry) return infoFromDirectory(opened, entry.path, entry.directory, hashes)
  return entry.records[0] && infoFromFile(opened, entry.path, entry.records[0], hashes)
}
