import type { CallOptions, Commit, FileInfo, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { afterEveryPath, markerBefore, prefixEnd } from '../../pfs/path.js'
import type { KnownPaths } from './known-paths.js'

/** What is read of PFS: the files below a directory, or its children. */
export interface PathScope {
  readonly pfs: PfsClient
  readonly commit: Commit
  readonly options: CallOptions
  /** With its slash. */
  readonly directory: string
  readonly depth: 'below' | 'children'
  /** Whether nothing is known to be before: then all there is may be little. */
  readonly isFirstPage: boolean
}

/** A commit by its id. */
export interface SettledCommit {
  readonly commit: Commit
  /** An open one can still change. */
  readonly isOpen: boolean
}

/** Entries of a directory in path order, read in windows and remembered for as long as a page is made. */
export interface PathReader {
  /** The first entry behind `position`. When PFS must be asked, about `wanted` entries are read at most. */
  readonly firstAfter: (position: string, wanted: number) => Promise<FileInfo | undefined>
  /** Whether there is a path that begins with `start`; asks PFS for no more than that. */
  readonly hasPathFrom: (start: string) => Promise<boolean>
  /** The same, from what is known; undefined where that does not tell. */
  readonly knowsPathFrom: (start: string) => boolean | undefined
  /** Takes over what is known about the commit from elsewhere. */
  readonly learn: (known: KnownPaths) => void
  /** The commit that is read from now on, by its id. */
  readonly settle: () => Promise<SettledCommit>
}

/** A stretch of entries without gaps: all that are behind `start` and not behind `end`. */
interface Window {
  readonly start: string
  readonly entries: readonly FileInfo[]
  readonly end: string
  /** How often it had the answer: a window that is mostly jumped over was too large. */
  hits: number
}

/** A call costs PFS as much as some hundred entries. */
const leastWindow = 64
/** One in so many entries must be looked at, or the next window is smaller. */
const leastHits = 16
/** What is read to its end where it is no more, since to leave a stream before its end is to reset a call. */
const firstWindow = 1000
/** PFS's own limit on `number`. */
const greatestWindow = 100_000

/** A reader that asks PFS nothing yet. */
export function createPathReader(scope: PathScope): PathReader {
  const windows: Window[] = []
  const facts = new Map<string, boolean>()
  let settled: SettledCommit | undefined
  let settling: Promise<SettledCommit> | undefined
  let size = greatestWindow

  const commit = (): Commit => settled?.commit ?? scope.commit

  const windowAt = (position: string): Window | undefined => {
    for (let index = windows.length - 1; index >= 0; index -= 1) {
      const window = windows[index]
      if (window !== undefined && window.start <= position && position < window.end) return window
    }
    return undefined
  }

  const read = async (position: string, wanted: number): Promise<Window> => {
    const before = windows.at(-1)
    if (before !== undefined) size = before.hits * leastHits >= before.entries.length ? size * 4 : size / 4
    size = Math.ceil(Math.min(Math.max(size, leastWindow), wanted, greatestWindow))
    const isBounded = before === undefined && scope.isFirstPage && scope.directory !== '/'
    if (isBounded) size = Math.max(size, firstWindow)
    const readPage = isBounded ? readWithin : readBehind
    // Where the commit is asked for, all is read from the one that is answered.
    if (settling !== undefined) settled ??= await settling
    const entries = await readPage({ ...scope, commit: commit() }, position, size)
    const last = entries.length < size ? undefined : entries.at(-1)
    const end = last === undefined ? afterEveryPath : behindEntry(last, scope)
    const window: Window = { start: position, entries: entries.filter(isReadable), end, hits: 0 }
    windows.push(window)
    const first = entries[0]
    // The head may move while a page is made: the rest of the page is read from the same commit.
    if (first !== undefined) settled ??= { commit: first.file.commit, isOpen: first.committed === undefined }
    return window
  }

  const knowsPathFrom = (start: string): boolean | undefined => {
    const fact = facts.get(start)
    if (fact !== undefined) return fact
    const position = markerBefore(start)
    const window = windowAt(position)
    if (window === undefined) return undefined
    const entry = firstBehind(window.entries, position)
    return entry === undefined && window.end !== afterEveryPath ? undefined : !!entry?.file.path.startsWith(start)
  }

  return {
    firstAfter: async (position, wanted) => {
      for (let from = position; ; ) {
        const window = windowAt(from) ?? (await read(from, wanted))
        window.hits += 1
        const entry = firstBehind(window.entries, from)
        if (entry !== undefined || window.end === afterEveryPath) return entry
        from = window.end
      }
    },
    hasPathFrom: async (start) => {
      const known = knowsPathFrom(start)
      if (known !== undefined) return known
      const pathRange = { lower: start, upper: prefixEnd(start) }
      const found = await isAny(scope.pfs.globFile({ commit: commit(), pattern: '/**', pathRange }, scope.options))
      facts.set(start, found)
      return found
    },
    knowsPathFrom,
    learn: (known) => {
      for (const [start, isThere] of known) facts.set(start, isThere)
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

/**
 * Up to `number` entries behind a marker, looked for no further than the directory goes. GlobFile takes no number: where
 * there are more, PFS has worked for some that nobody reads.
 */
async function readWithin(scope: PathScope, marker: string, number: number): Promise<FileInfo[]> {
  const { pfs, commit, options, directory, depth } = scope
  const pattern = directory + (depth === 'children' ? '*' : '**')
  const pathRange = { lower: `${marker}\x01`, upper: prefixEnd(directory) }
  const entries: FileInfo[] = []
  for await (const info of pfs.globFile({ commit, pattern, pathRange }, options)) {
    if (entries.length === number) break
    entries.push(info)
  }
  return entries
}

/** Up to `number` entries behind a marker. Where the directory has fewer, PFS looks for more to the end of the commit. */
async function readBehind(scope: PathScope, marker: string, number: number): Promise<FileInfo[]> {
  const { pfs, commit, options, directory } = scope
  const request = {
    file: { commit, path: directory === '/' ? directory : directory.slice(0, -1) },
    paginationMarker: marker,
    number,
  }
  const entries: FileInfo[] = []
  try {
    const found = scope.depth === 'children' ? pfs.listFile(request, options) : pfs.walkFile(request, options)
    for await (const info of found) entries.push(info)
  } catch (error) {
    if (!isMissing(error, 'file')) throw error
  }
  return entries
}

/** A marker behind an entry, and where children are listed behind all that is in it. */
function behindEntry({ fileType, file }: FileInfo, { depth }: PathScope): string {
  return fileType === 'DIR' && depth === 'children' ? file.path + afterEveryPath : file.path
}

async function isAny(found: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _ of found) return true
  return false
}

/** PFS takes a `\` in a path and then cannot read the file: it is the glob escape. */
function isReadable(info: FileInfo): boolean {
  return !info.file.path.includes('\\')
}

function firstBehind(entries: readonly FileInfo[], position: string): FileInfo | undefined {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle]?.file.path ?? '') <= position) low = middle + 1
    else high = middle
  }
  return entries[low]
}
