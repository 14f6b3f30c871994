import type { CallOptions, File, FileInfo, FilePage, PathRange, PfsClient } from '../client.js'
import { PfsError } from '../errors.js'
import { prefixEnd } from '../path.js'
import { throwIfCancelled } from './cancellation.js'
import { infoFromDirectory, infoFromFile } from './file-info.js'
import { parseGlob } from './glob.js'
import { repoName } from './names.js'
import { type OpenedCommit, openCommit, openForBytes } from './opened-commit.js'
import { cleanPath, directoryPath } from './paths.js'
import { narrowRange, type ReadRange, rangeOf, readEntries, refuseUnreadable } from './readable.js'
import type { State } from './state.js'
import { type Content, contentChunks } from './store/content.js'
import { type Directory, type FileRecord, findDirectory, findFile, isEmptyDirectory } from './store/directory.js'
import { loadContentHash } from './store/hash.js'
import { type TreeEntry, walkBelow } from './store/walk.js'

type ReadCalls = Pick<PfsClient, 'getFile' | 'inspectFile' | 'listFile' | 'walkFile' | 'globFile'>

const maxPage = 100_000

const wholeRange: PathRange = { lower: '', upper: '' }

/** The calls that read files. */
export function createReadCalls(state: State): ReadCalls {
  return {
    async *getFile({ file, offset = 0, pathRange = wholeRange }, options) {
      const opened = await openForBytes(state, file.commit, options, ['REPO_READ'], 'get file: ')
      for (const chunk of contentChunks(contentOf(opened, file, pathRange), offset)) {
        throwIfCancelled(options?.signal)
        yield chunk
      }
    },

    async inspectFile(file, options) {
      const hashes = await loadContentHash()
      const opened = await openCommit(state, file.commit, options, ['REPO_INSPECT_FILE'])
      const path = cleanPath(file.path)
      if (!file.datum) refuseUnreadable(opened, rangeOf(path))
      const directory = directoryAt(opened.snapshot.root, path)
      if (directory) return infoFromDirectory(opened, directoryPath(path), directory, hashes)
      const record = pickRecord(findFile(opened.snapshot.root, path), file.datum)
      if (!record) throw fileNotFound(file)
      return infoFromFile(opened, path, record, hashes)
    },

    async *listFile({ file, ...page }, options) {
      const opened = await openCommit(state, file.commit, options, ['REPO_LIST_FILE'])
      const range = pageRange(rangeOf(file.path), page)
      yield* limitPage(await readAt(opened, file.path, range, 1), page, options)
    },

    async *walkFile({ file, ...page }, options) {
      const opened = await openCommit(state, file.commit, options, ['REPO_READ', 'REPO_LIST_FILE'])
      const range = pageRange(rangeOf(file.path), page)
      const infos = await readAt(opened, file.path, range, Number.POSITIVE_INFINITY)
      yield* limitPage(refuseNothing(infos, opened, file), page, options)
    },

    async *globFile({ commit, pattern, pathRange = wholeRange }, options) {
      const hashes = await loadContentHash()
      const opened = await openCommit(state, commit, options, ['REPO_READ', 'REPO_LIST_FILE'])
      const glob = parseGlob(pattern)
      const range = narrowRange(prefixRange(glob.prefix), pathRange)
      const entries = entriesAt(opened.snapshot.root, '/', range, glob.depth, true)
      for (const info of readEntries(opened, entries, range, hashes)) {
        throwIfCancelled(options?.signal)
        if (glob.matches(withoutSlash(info.file.path))) yield info
      }
    },
  }
}

/** The one file that the path, a glob, matches in a range. */
function contentOf(opened: OpenedCommit, file: File, pathRange: PathRange): Content {
  const glob = parseGlob(file.path)
  const range = narrowRange(prefixRange(glob.prefix), pathRange)
  if (!file.datum) refuseUnreadable(opened, range)
  let found: TreeEntry | undefined
  for (const entry of entriesAt(opened.snapshot.root, '/', range, glob.depth, true)) {
    if (!glob.matches(withoutSlash(entry.path))) continue
    if (found || 'directory' in entry) {
      throw new PfsError('UNKNOWN', 'cannot get directory or non-regular file. Use GetFileTAR instead')
    }
    found = entry
  }
  const record = found && 'records' in found ? pickRecord(found.records, file.datum) : undefined
  if (!record) throw fileNotFound(file)
  return record.content
}

/** The entries of a path: the file there, and the directory to a depth below it; a listing leaves the directory itself out. */
async function readAt(
  opened: OpenedCommit,
  path: string,
  range: ReadRange,
  depth: number,
): Promise<Iterable<FileInfo>> {
  const entries = entriesAt(opened.snapshot.root, cleanPath(path), range, depth, depth > 1)
  return readEntries(opened, entries, range, await loadContentHash())
}

function* entriesAt(
  root: Directory,
  path: string,
  range: ReadRange,
  depth: number,
  withItself: boolean,
): Generator<TreeEntry> {
  const records = findFile(root, path)
  const directory = directoryAt(root, path)
  const itself = directoryPath(path)
  const ends: TreeEntry[] = []
  if (records && path !== '/' && isWithin(path, range)) ends.push({ path, records })
  if (directory && withItself && isWithin(itself, range)) ends.push({ path: itself, directory })
  if (!range.reverse) yield* ends
  if (directory) yield* walkBelow(directory, itself, { ...range, depth })
  if (range.reverse) yield* ends.reverse()
}

function directoryAt(root: Directory, path: string): Directory | undefined {
  const directory = findDirectory(root, directoryPath(path))
  return directory && !isEmptyDirectory(directory) ? directory : undefined
}

function pageRange(range: ReadRange, { paginationMarker, number = 0, reverse = false }: FilePage): ReadRange {
  if (number > maxPage) throw new PfsError('UNKNOWN', `cannot return more than ${maxPage} files at a time`)
  if (!paginationMarker) return { ...range, reverse }
  const marker = paginationMarker.endsWith('/') ? directoryPath(paginationMarker) : cleanPath(paginationMarker)
  const bounds = reverse ? { lower: '', upper: marker } : { lower: marker, upper: '' }
  return narrowRange({ ...range, reverse }, bounds)
}

function prefixRange(prefix: string): ReadRange {
  return { lower: prefix, upper: prefixEnd(prefix), reverse: false }
}

/** Leaves out the marker and, as pachd does, a directory of the marker's name. */
function* limitPage(
  infos: Iterable<FileInfo>,
  { paginationMarker, number = 0 }: FilePage,
  options: CallOptions | undefined,
): Generator<FileInfo> {
  const marker = paginationMarker ? cleanPath(paginationMarker) : undefined
  let left = number > 0 ? number : Number.POSITIVE_INFINITY
  for (const info of infos) {
    throwIfCancelled(options?.signal)
    if (marker && cleanPath(info.file.path) === marker) continue
    yield info
    if (--left <= 0) return
  }
}

function* refuseNothing(infos: Iterable<FileInfo>, opened: OpenedCommit, file: File): Generator<FileInfo> {
  let isEmpty = true
  for (const info of infos) {
    isEmpty = false
    yield info
  }
  const path = cleanPath(file.path)
  if (!isEmpty || path === '/') return
  throw new PfsError('NOT_FOUND', `commit/${opened.commit.id} does not contain item: (${path})`)
}

function pickRecord(records: readonly FileRecord[] = [], datum: string | undefined): FileRecord | undefined {
  return datum ? records.find((record) => record.datum === datum) : records[0]
}

function fileNotFound({ path, commit }: File): PfsError {
  return new PfsError(
    'NOT_FOUND',
    `file ${path} not found in repo ${repoName(commit.repo)} at commit ${commit.id ?? ''}`,
  )
}

function isWithin(path: string, { lower, upper }: ReadRange): boolean {
  return path >= lower && (upper === '' || path < upper)
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
