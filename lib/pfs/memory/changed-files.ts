import type { FileDiff, FileInfo, FindCommitsResult, PfsClient } from '../client.js'
import { PfsError } from '../errors.js'
import { authenticate, authorize } from './auth.js'
import { throwIfCancelled } from './cancellation.js'
import { commitFromRecord } from './commit-info.js'
import { ancestry } from './commits.js'
import { infoFromDirectory, infoFromFile } from './file-info.js'
import { findCommit } from './lookup.js'
import { repoName } from './names.js'
import { type OpenedCommit, openCommit } from './opened-commit.js'
import { cleanPath, directoryPath } from './paths.js'
import { rangeOf, refuseUnreadable } from './readable.js'
import type { State } from './state.js'
import { createDirectory, findDirectory, findFile, isEmptyDirectory } from './store/directory.js'
import { type ContentHash, loadContentHash } from './store/hash.js'
import { differences } from './store/tree-diff.js'
import type { TreeEntry } from './store/walk.js'

type ChangeCalls = Pick<PfsClient, 'diffFile' | 'findCommits'>

/** One side of a diff: nothing where a commit has no parent. */
interface Side {
  readonly opened: OpenedCommit | undefined
  readonly path: string
}

/** The calls that tell what commits changed. */
export function createChangeCalls(state: State): ChangeCalls {
  return {
    async *diffFile({ newFile, oldFile, shallow = false }, options): AsyncGenerator<FileDiff> {
      const hashes = await loadContentHash()
      const opened = await openCommit(state, newFile.commit, options, ['REPO_READ'])
      const parent = oldFile ? undefined : findCommit(state, newFile.commit).parent
      const olds: Side = {
        opened: oldFile
          ? await openCommit(state, oldFile.commit, options, ['REPO_READ'])
          : parent && (await openCommit(state, commitFromRecord(parent), options, ['REPO_READ'])),
        path: cleanPath(oldFile?.path ?? newFile.path),
      }
      const news: Side = { opened, path: cleanPath(newFile.path) }
      for (const { opened, path } of [news, olds]) if (opened) refuseUnreadable(opened, rangeOf(path))
      for (const [before, after] of pairs(olds, news, shallow ? 1 : Number.POSITIVE_INFINITY)) {
        throwIfCancelled(options?.signal)
        const oldInfo = infoFromEntry(olds.opened, before, hashes)
        const newInfo = infoFromEntry(news.opened, after, hashes)
        if (!oldInfo && !newInfo) continue
        if (oldInfo && newInfo && Buffer.compare(oldInfo.hash, newInfo.hash) === 0) continue
        yield { ...(newInfo && { newFile: newInfo }), ...(oldInfo && { oldFile: oldInfo }) }
      }
    },

    async *findCommits({ start, filePath, limit = 0 }, options): AsyncGenerator<FindCommitsResult> {
      authenticate(state, options)
      const first = findCommit(state, start)
      authorize(state, options, first.repo, ['REPO_READ'])
      const path = cleanPath(filePath)
      let commitsSearched = 0
      let found = 0
      let last = first
      for (const record of ancestry(first)) {
        throwIfCancelled(options?.signal)
        last = record
        if (!record.finished)
          throw new PfsError('UNAVAILABLE', `commit ${repoName(record.repo)}@${record.id} not finished`)
        if (findFile(record.snapshot.root, path) !== findFile(record.base.root, path)) {
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

type Pair = readonly [before: TreeEntry | undefined, after: TreeEntry | undefined]

function* pairs(olds: Side, news: Side, depth: number): Generator<Pair> {
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
    depth,
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
