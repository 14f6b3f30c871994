import type { CallOptions, Commit, FileInfo, PfsClient } from '../../pfs/client.js'
import { afterEveryPath, markerBefore, prefixEnd } from '../../pfs/path.js'
import { createRecentMap } from '../../recent-map.js'

/** What is read of PFS: the files below a directory, or its children. */
interface PathScope {
  readonly pfs: PfsClient
  readonly commit: Commit
  readonly options: CallOptions
  /** With its slash. */
  readonly directory: string
  readonly depth: 'below' | 'children'
  /** Whether nothing is known to come before: then all there is may be little. */
  readonly isFirstPage: boolean
}

/** A commit by its id. */
interface SettledCommit {
  readonly commit: Commit
  /** An open commit can still change. */
  readonly isOpen: boolean
}

/** Texts from `from` on and before `to`. */
export interface TextRange {
  readonly from: string
  readonly to: string
}

/** All entries of a range of paths. */
interface Window {
  readonly entries: readonly FileInfo[]
  /** The text before which the range ends. */
  readonly to: string
}

/** Reads a directory in windows, all of one commit. */
export interface PathReader {
  /** All paths of the directory. */
  readonly scope: TextRange
  /** Reads at most `wanted` entries from the path `from` on, before `to`; `isSmall` if few are expected in this range. */
  readonly read: (range: TextRange, wanted: number, isSmall: boolean) => Promise<Window>
  /** Takes note that so many entries were read in vain: the next window is smaller. */
  readonly skipped: (entries: number) => void
  /** The commit that is read from now on, by its id. */
  readonly settle: () => Promise<SettledCommit>
}

/** A call costs PFS as much as some hundred entries. */
const leastWindow = 64
/** If fewer than one in so many entries of a window were of use, the next window is smaller. */
const leastUse = 16
/** A bounded range of so many entries is read to its end, since to leave a stream before its end is to reset a call. */
const firstWindow = 1000
/** PFS's own limit on `number`. */
const greatestWindow = 100_000

/** Creates a reader that asks PFS nothing yet. */
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
      // If the commit is being asked for, all is read from the one that is answered.
      if (settling !== undefined) settled ??= await settling
      const settledScope = { ...scope, commit: settled?.commit ?? scope.commit }
      const number = isBounded ? Math.max(size, firstWindow) : size
      const { entries, isWhole } = isBounded
        ? await readWithin(settledScope, from, to, number)
        : await readBehind(settledScope, from, number)
      last = { entries: entries.length, skipped: 0 }
      const inRange = entries.filter(({ file }) => file.path < to)
      const final = isWhole || inRange.length < entries.length ? undefined : inRange.at(-1)
      // The head may move while a page is made: the rest of the page is read from the same commit.
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

/** Entries from a path on, without gaps. */
interface Entries {
  readonly entries: readonly FileInfo[]
  /** Whether the directory, or the range, has no more. */
  readonly isWhole: boolean
}

/**
 * The first `number` entries of a range. GlobFile takes no number: if there are more, PFS has worked for some that nobody
 * reads.
 */
async function readWithin(scope: PathScope, from: string, to: string, number: number): Promise<Entries> {
  const { pfs, commit, options, directory, depth } = scope
  // pachd ends at the range only if the pattern also matches what follows it.
  const pattern = depth === 'children' ? `${directory}*` : '/**'
  // PFS sends the directory itself if the range begins with it.
  const pathRange = { lower: from === directory ? `${from}\x01` : from, upper: to }
  const entries: FileInfo[] = []
  for await (const info of pfs.globFile({ commit, pattern, pathRange }, options)) {
    if (entries.length === number) return { entries, isWhole: false }
    entries.push(info)
  }
  return { entries, isWhole: true }
}

/**
 * The first `number` entries from a path on. PFS fills a page with what the call asks for, if need be from the end of the
 * commit. So a walk is of all paths, and what follows the directory ends it; of children, only a listing is a page, and
 * the last page of a directory costs a look at all that follows.
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

/** Markers are exclusive: the one that a page from `from` on follows. The directory's own entry is left out. */
function markerFor(from: string, directory: string): string {
  if (from === directory || /[\x00-\x1f\x7f]$/.test(from)) return from
  // PFS takes two slashes for one; `.` is the character before them.
  return markerBefore(from).replace(/\/\/\x7f$/, '/.\x7f')
}

/** The text behind an entry and, where children are listed, behind all that is in it. */
function behindEntry({ fileType, file }: FileInfo, { depth }: PathScope): string {
  return file.path + (fileType === 'DIR' && depth === 'children' ? afterEveryPath : justAfter)
}

/** Follows a path and precedes all others: the path itself as a marker would pass over the directory of that name. */
export const justAfter = '\x1f'

/** PFS takes a `\` in a path and then cannot read the file: it is the glob escape. */
function isReadable(info: FileInfo): boolean {
  return !info.file.path.includes('\\')
}

/**
 * Remembers what the pages of a listing have learned: ranges of paths that hold no keys for the pages behind them. Without
 * it, each page would ask PFS again for the escapes before its start. Only the number of calls depends on it.
 */
export interface PageMemory {
  /** The ranges that a page found, by its commit's id and the name of the page behind it; none if it is forgotten. */
  recall(commit: Commit, page: string): readonly TextRange[]
  /** Remembers ranges. The commit must be finished. */
  remember(commit: Commit, page: string, ranges: readonly TextRange[]): void
}

/** Most bytes that are remembered. */
const maxBytes = 4 * 1024 * 1024
/** Most ranges that are remembered of a page. */
const maxRanges = 64

/** Creates the memory for the listings of one PFS. */
export function createPageMemory(): PageMemory {
  const pages = createRecentMap<readonly TextRange[]>(maxBytes, weigh)
  return {
    recall: (commit, page) => pages.get(nameOf(commit, page)) ?? [],
    remember: (commit, page, ranges) => pages.set(nameOf(commit, page), joined(ranges).slice(0, maxRanges)),
  }
}

/** An entry is its texts, of one byte a character, and its name of about a kilobyte. */
function weigh(ranges: readonly TextRange[]): number {
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
