import { LRUCache } from 'lru-cache'
import { noteLookup } from '../../diagnostics.js'
import type { CallOptions, Commit, FileInfo, PfsClient } from '../../pfs/client.js'
import { afterEveryPath, markerBefore, prefixEnd } from '../../pfs/path.js'

/** The files to read: all files below a directory, or its children. */
interface PathScope {
  readonly pfs: PfsClient
  readonly commit: Commit
  readonly options: CallOptions
  /** With a trailing slash. */
  readonly directory: string
  readonly depth: 'below' | 'children'
  /** Whether the listing starts here; the first window is small, since there may be few entries. */
  readonly isFirstPage: boolean
}

/** A commit by its id. */
interface SettledCommit {
  readonly commit: Commit
  /** An open commit can still change. */
  readonly isOpen: boolean
}

/** A half-open range of texts: from `from` (inclusive) to `to` (exclusive). */
export interface TextRange {
  readonly from: string
  readonly to: string
}

/** All entries of a range of paths. */
interface Window {
  readonly entries: readonly FileInfo[]
  /** The end of the range, exclusive. */
  readonly to: string
}

/** Reads a directory in windows, all from the same commit. */
export interface PathReader {
  /** All paths of the directory. */
  readonly scope: TextRange
  /** Reads at most `wanted` entries of a range; `isSmall` if few entries are expected. */
  readonly read: (range: TextRange, wanted: number, isSmall: boolean) => Promise<Window>
  /** Reports that `entries` were read without use, so that the next window is smaller. */
  readonly skipped: (entries: number) => void
  /** Resolves the head to a commit id, which all later reads use. */
  readonly settle: () => Promise<SettledCommit>
}

/** Smallest window: a call costs PFS as much as about a hundred entries. */
const leastWindow = 64
/** If less than 1 in `leastUse` entries of a window was used, the next window is smaller. */
const leastUse = 16
/** A bounded range of up to this many entries is read to its end, since leaving a stream early resets the call. */
const firstWindow = 1000
/** PFS's limit on `number`. */
const greatestWindow = 100_000

/** Creates a reader without calling PFS. */
export function createPathReader(scope: PathScope): PathReader {
  let settled: SettledCommit | undefined
  let settling: Promise<SettledCommit> | undefined
  let size = greatestWindow
  let last = { entries: 0, skipped: 0 }
  const end = prefixEnd(scope.directory)

  return {
    scope: { from: scope.directory, to: end },
    read: async ({ from, to }, wanted, isSmall) => {
      if (last.entries > 0) size = (last.entries - last.skipped) * leastUse >= last.entries ? size * 4 : size / 4
      size = Math.ceil(Math.min(Math.max(size, leastWindow), wanted, greatestWindow))
      const isFirst = settled === undefined && scope.isFirstPage && scope.directory !== '/'
      const isBounded = isFirst || isSmall
      // If the head is being resolved, read from its result.
      if (settling !== undefined) settled ??= await settling
      const settledScope = { ...scope, commit: settled?.commit ?? scope.commit }
      const number = isBounded ? Math.max(size, firstWindow) : size
      const { entries, isWhole } = isBounded
        ? await readWithin(settledScope, from, to, number)
        : await readBehind(settledScope, from, number)
      last = { entries: entries.length, skipped: 0 }
      const inRange = entries.filter(({ file }) => file.path < to)
      const final = isWhole || inRange.length < entries.length ? undefined : inRange.at(-1)
      // The head may move during a page: the rest of the page must come from the same commit.
      const [first] = entries
      if (first !== undefined) settled ??= { commit: first.file.commit, isOpen: first.committed === undefined }
      return { entries: inRange.filter(isReadable), to: final === undefined ? to : behindEntry(final, scope) }
    },
    skipped: (entries) => {
      last = { ...last, skipped: last.skipped + entries }
    },
    settle: async () => {
      if (settled !== undefined) return settled
      settling ??= inspect(scope)
      settled = await settling
      return settled
    },
  }
}

async function inspect({ pfs, commit, options }: PathScope): Promise<SettledCommit> {
  const info = await pfs.inspectCommit({ commit }, options)
  return { commit: info.commit, isOpen: info.finished === undefined }
}

/** Consecutive entries from a path on. */
interface Entries {
  readonly entries: readonly FileInfo[]
  /** Whether the directory or range has no more entries. */
  readonly isWhole: boolean
}

/**
 * The first `number` entries of a range. GlobFile has no limit parameter, so PFS may produce more entries than are read.
 */
async function readWithin(scope: PathScope, from: string, to: string, number: number): Promise<Entries> {
  const { pfs, commit, options, directory, depth } = scope
  // pachd stops at the end of the range only if the pattern also matches paths after it.
  const pattern = depth === 'children' ? `${directory}*` : '/**'
  // PFS includes the directory itself if it is the start of the range.
  const pathRange = { lower: from === directory ? `${from}\x01` : from, upper: to }
  const entries: FileInfo[] = []
  for await (const info of pfs.globFile({ commit, pattern, pathRange }, options)) {
    if (entries.length === number) return { entries, isWhole: false }
    entries.push(info)
  }
  return { entries, isWhole: true }
}

/**
 * The first `number` entries from a path on. PFS fills a page completely, if necessary by scanning to the end of the
 * commit. So a walk reads all paths and ends after the directory. A list of children is limited to the directory, but its
 * last page makes PFS scan everything after it.
 */
async function readBehind(scope: PathScope, from: string, number: number): Promise<Entries> {
  const { pfs, commit, options, directory, depth } = scope
  const isWalk = depth === 'below'
  const path = isWalk || directory === '/' ? '/' : directory.slice(0, -1)
  const request = { file: { commit, path }, paginationMarker: markerFor(from, directory), number }
  const found: FileInfo[] = []
  for await (const info of isWalk ? pfs.walkFile(request, options) : pfs.listFile(request, options)) found.push(info)
  const inside = found.filter(({ file }) => file.path.startsWith(directory))
  return { entries: inside.filter(({ file }) => file.path !== directory), isWhole: inside.length < number }
}

/** The marker whose page starts at `from`, since markers are exclusive. Skips the entry of the directory itself. */
function markerFor(from: string, directory: string): string {
  if (from === directory || /[\x00-\x1f\x7f]$/.test(from)) return from
  // PFS reads two slashes as one; `.` is the character before the slash.
  return markerBefore(from).replace(/\/\/\x7f$/, '/.\x7f')
}

/** The text after an entry; if children are listed, after everything in it. */
function behindEntry({ fileType, file }: FileInfo, { depth }: PathScope): string {
  return file.path + (fileType === 'DIR' && depth === 'children' ? afterEveryPath : justAfter)
}

/** Appended to a path, sorts right after it: the bare path as a marker would skip a directory of that name. */
export const justAfter = '\x1f'

/** PFS accepts `\` in a path but cannot read the file, since `\` is the escape character of globs. */
function isReadable(info: FileInfo): boolean {
  return !info.file.path.includes('\\')
}

/**
 * Remembers between pages which ranges of paths contain no keys for later pages. This only saves calls: without it, each
 * page would search the escapes before its start again.
 */
export interface PageMemory {
  /** The ranges for a page, by commit id and page name; empty if they were evicted. */
  recall(commit: Commit, page: string): readonly TextRange[]
  /** Stores ranges. The commit must be finished. */
  remember(commit: Commit, page: string, ranges: readonly TextRange[]): void
}

/** Maximum total size in bytes. */
const maxBytes = 4 * 1024 * 1024
/** Maximum ranges per page. */
const maxRanges = 64

/** Creates the memory for the listings of one PFS. */
export function createPageMemory(): PageMemory {
  const pages = new LRUCache<string, readonly TextRange[]>({ maxSize: maxBytes, sizeCalculation: sizeOf })
  return {
    recall: (commit, page) => noteLookup('pages', pages.get(nameOf(commit, page))) ?? [],
    remember: (commit, page, ranges) => pages.set(nameOf(commit, page), joined(ranges).slice(0, maxRanges)),
  }
}

/** An entry's size in bytes: its texts, and about a kilobyte for its name. */
function sizeOf(ranges: readonly TextRange[]): number {
  return ranges.reduce((bytes, { from, to }) => bytes + from.length + to.length, 2048)
}

/** Joins sorted ranges that overlap or touch. */
function joined(ranges: readonly TextRange[]): TextRange[] {
  const found: TextRange[] = []
  for (const range of ranges) {
    const last = found.at(-1)
    if (last === undefined || range.from > last.to) found.push({ from: range.from, to: range.to })
    else if (range.to > last.to) found[found.length - 1] = { from: last.from, to: range.to }
  }
  return found
}

function nameOf({ repo, id }: Commit, page: string): string {
  return [repo.project, repo.name, repo.type, id, page].join('\0')
}
