import type { CallOptions, File, FileInfo, FilePage, PathRange } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { prefixEnd } from '../../pfs/path.js'
import { tarDirectory, tarEnd, tarFile } from '../../pfs/tar.js'
import type { PachydermApi } from '../pachyderm-api.js'
import { throwIfCancelled } from './cancellation.js'
import { repoName } from './names.js'
import { type OpenedCommit, openCommit, permissionsForBytes } from './opened-commit.js'
import { cleanPath, directoryPath, type Glob, parseGlob } from './paths.js'
import {
  infoFromDirectory,
  infoFromFile,
  narrowRange,
  type ReadRange,
  rangeOf,
  readEntries,
  refuseUnreadable,
} from './readable.js'
import type { State } from './state.js'
import { changeSnapshot, changesFromTree, createSnapshot } from './store/changes.js'
import {
  type Content,
  contentChunks,
  type Directory,
  type FileRecord,
  findDirectory,
  findFile,
  isEmptyDirectory,
} from './store/directory.js'
import { loadContentHash } from './store/hash.js'
import { type TreeEntry, walkBelow } from './store/walk.js'

type ReadCalls = Pick<PachydermApi, 'getFile' | 'getFileTar' | 'inspectFile' | 'listFile' | 'walkFile' | 'globFile'>

const maxPage = 100_000

const wholeRange: PathRange = { lower: '', upper: '' }

/** The calls that read files. */
export function createReadCalls(state: State): ReadCalls {
  return {
    async *getFile({ file, offset = 0, pathRange }, options) {
      const opened = await openFile(state, file, options, permissionsForBytes(file.commit), 'get file: ')
      const content = contentOf(opened, file, pathRange)
      // pachd slices its chunk at the offset, and crashes if that is out of bounds.
      if (offset < 0) throw new PfsError('UNAVAILABLE', `slice bounds out of range [${offset}:]`)
      for (const chunk of contentChunks(content, offset)) {
        throwIfCancelled(options?.signal)
        yield chunk
      }
    },

    async *getFileTar({ file, pathRange }, options) {
      const opened = await openFile(state, file, options, permissionsForBytes(file.commit), 'get file TAR: ')
      const glob = parseGlob(file.path)
      refuseUnreadable(opened, scanOf(glob, pathRange))
      let isEmpty = true
      for (const entry of matches(opened, glob, pathRange)) {
        throwIfCancelled(options?.signal)
        isEmpty = false
        yield 'directory' in entry ? tarDirectory(entry.path) : tarFile(entry.path, bytesOf(entry.records))
      }
      if (isEmpty) throw fileNotFound(file)
      yield tarEnd
    },

    async inspectFile(file, options) {
      const hashes = await loadContentHash()
      const opened = await openFile(state, file, options, ['REPO_INSPECT_FILE'])
      const path = cleanPath(file.path)
      refuseUnreadable(opened, rangeOf(path))
      const directory = directoryAt(opened.snapshot.root, path)
      if (directory) return infoFromDirectory(opened, directoryPath(path), directory, hashes)
      const [record] = findFile(opened.snapshot.root, path) ?? []
      if (!record) throw fileNotFound(file)
      return infoFromFile(opened, path, record, hashes)
    },

    async *listFile({ file, ...page }, options) {
      refusePage(page)
      const opened = await openFile(state, file, options, ['REPO_LIST_FILE'])
      yield* limitPage(await readAt(opened, file.path, page, 1), page, options)
    },

    async *walkFile({ file, ...page }, options) {
      refusePage(page)
      const opened = await openFile(state, file, options, ['REPO_READ', 'REPO_LIST_FILE'])
      const infos = await readAt(opened, file.path, page, Number.POSITIVE_INFINITY)
      yield* limitPage(refuseNothing(infos, opened, file, page), page, options)
    },

    async *globFile({ commit, pattern, pathRange }, options) {
      const hashes = await loadContentHash()
      const opened = await openCommit(state, commit, options, ['REPO_READ', 'REPO_LIST_FILE'])
      const glob = parseGlob(pattern)
      for (const info of readEntries(opened, matches(opened, glob, pathRange), scanOf(glob, pathRange), hashes)) {
        throwIfCancelled(options?.signal)
        yield info
      }
    },
  }
}

/** Opens the commit of a file; with a datum, only the content that this datum wrote. */
async function openFile(
  state: State,
  { commit, datum }: File,
  options: CallOptions | undefined,
  permissions: readonly string[],
  context = '',
): Promise<OpenedCommit> {
  const opened = await openCommit(state, commit, options, permissions, context)
  if (!datum) return opened
  return { ...opened, snapshot: changeSnapshot(createSnapshot(), [changesFromTree(opened.snapshot.root, datum)]) }
}

/** The single file in a range that matches the path, a glob. */
function contentOf(opened: OpenedCommit, file: File, pathRange: PathRange | undefined): Content {
  const glob = parseGlob(file.path)
  refuseUnreadable(opened, scanOf(glob, pathRange))
  let found: Extract<TreeEntry, { records: unknown }> | undefined
  for (const entry of matches(opened, glob, pathRange)) {
    if ('directory' in entry) {
      throw new PfsError('UNKNOWN', 'cannot get directory or non-regular file. Use GetFileTAR instead')
    }
    if (found) throw new PfsError('UNKNOWN', 'matched multiple files. Use GetFileTAR instead')
    found = entry
  }
  const [record] = found?.records ?? []
  if (!record) throw fileNotFound(file)
  return record.content
}

function bytesOf(records: readonly FileRecord[]): Buffer {
  return Buffer.concat(records.flatMap(({ content }) => [...contentChunks(content, 0)]))
}

/**
 * The entries at a path: the file there, and the directory down to a depth; a listing excludes the directory itself. pachd
 * reads from a marker to the end of the commit, and so fails on any unreadable file after it.
 */
async function readAt(
  opened: OpenedCommit,
  path: string,
  { paginationMarker, reverse = false }: FilePage,
  depth: number,
): Promise<Iterable<FileInfo>> {
  const whole = { ...rangeOf(path), reverse }
  const bounds = paginationMarker === undefined ? undefined : boundsFromMarker(paginationMarker, reverse)
  const range = bounds ? narrowRange(whole, bounds) : whole
  const entries = entriesAt(opened.snapshot.root, cleanPath(path), range, depth, depth > 1)
  return readEntries(opened, entries, bounds ? { ...bounds, reverse } : whole, await loadContentHash())
}

function boundsFromMarker(marker: string, reverse: boolean): PathRange {
  return reverse ? { lower: '', upper: marker } : { lower: marker, upper: '' }
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

function refusePage({ number = 0, reverse = false }: FilePage): void {
  if (number > maxPage) throw new PfsError('UNKNOWN', `cannot return more than ${maxPage} files at a time`)
  if (reverse && number === 0) throw new PfsError('UNKNOWN', 'number must be > 0 when reverse is true')
}

/** The range that pachd reads for a glob: the given range, or else the common prefix of all matches. */
function scanOf({ prefix }: Glob, pathRange: PathRange | undefined): ReadRange {
  return { ...(pathRange ?? prefixRange(prefix)), reverse: false }
}

function* matches(opened: OpenedCommit, glob: Glob, pathRange: PathRange = wholeRange): Generator<TreeEntry> {
  const range = narrowRange({ ...prefixRange(glob.prefix), reverse: false }, pathRange)
  for (const entry of entriesAt(opened.snapshot.root, '/', range, glob.depth, true)) {
    if (glob.matches(withoutSlash(entry.path))) yield entry
  }
}

function prefixRange(prefix: string): PathRange {
  return { lower: prefix, upper: prefixEnd(prefix) }
}

/** Skips the marker and, as pachd does, a directory of the marker's name. */
function* limitPage(
  infos: Iterable<FileInfo>,
  { paginationMarker, number = 0 }: FilePage,
  options: CallOptions | undefined,
): Generator<FileInfo> {
  const marker = paginationMarker === undefined ? undefined : cleanPath(paginationMarker)
  let left = number > 0 ? number : Number.POSITIVE_INFINITY
  for (const info of infos) {
    throwIfCancelled(options?.signal)
    if (marker !== undefined && cleanPath(info.file.path) === marker) continue
    yield info
    if (--left <= 0) return
  }
}

function* refuseNothing(
  infos: Iterable<FileInfo>,
  opened: OpenedCommit,
  file: File,
  { reverse = false }: FilePage,
): Generator<FileInfo> {
  let isEmpty = true
  for (const info of infos) {
    isEmpty = false
    yield info
  }
  const path = cleanPath(file.path)
  if (!isEmpty || (path === '/' && !reverse)) return
  const item = path === '/' ? '' : path
  throw new PfsError('NOT_FOUND', `commit/${opened.commit.id} does not contain item: (${item})`)
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
