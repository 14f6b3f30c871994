import { yieldTurn } from '../../concurrency.js'
import type { Commit, FileInfo } from '../../pfs/client.js'
import type { KeyCodec } from '../key.js'
import { compareBytes } from '../key-order.js'
import type { PathReader, TextRange } from './path-reader.js'
import { type CandidateRange, firstPath, type KeyInterval } from './path-search.js'

/**
 * A cursor over the keys of a directory in byte order, although PFS lists paths in the byte order of paths.
 *
 * The two orders differ if a path contains an escape, since `%` sorts before letters and digits. Example:
 *
 *     key          path               In path order: /a%28 · /a%7B · /a- · /ab · /b
 *     a(           /a%28              So the fourth key, `a{`, is the second path.
 *     a-           /a-
 *     ab           /ab
 *     a{           /a%7B
 *     b            /b
 *
 * The cursor reads *windows*: ranges of paths that are known completely. It keeps their files in a list sorted by key.
 * Between the windows are *gaps*. The first file of the list is the next key, unless a gap may contain a smaller key.
 * `firstPath` computes the smallest path in a gap that can have a key in a given interval, from the texts alone. If there
 * is such a path, the cursor reads a window from there and checks again.
 *
 * Example: a page of two keys after `a-`. The first window starts after /a- and contains /ab and /b. Is `ab` the next key?
 * A key between `a-` and `ab` starts with `a` and a character from `.` to `a`. If that character is unescaped, the path is
 * in the window. If it is escaped, the path is in /a%3F to /a%5E, in the gap before the window. One call shows that this
 * range is empty, so `ab` is the next key. Between `ab` and `b` is /a%7B: another call finds `a{`. The page is `ab`, `a{`.
 *
 *     windows              /a%3F … /a%5E       /a%7B         /a- … /b
 *     paths      ├── gap ──┤███████████├─ gap ─┤███├── gap ──┤██████├── gap ──┤
 *     list       ab, a{, b: the files of the windows in key order
 *
 * The result is a k-way merge of windows that opens a window only when its keys may be next. Costs: a page reads its own
 * files, makes one call for each place where escapes would change the order, and takes processor time linear in the length
 * of the keys.
 *
 * The list is bounded: if it gets too long, the cursor drops the keys from its *horizon* on, and reads them again after
 * the keys before them. If the names in a directory start with many different escapes, its first page reads all of it,
 * since the key of a path with a literal `%` between them would come first.
 */
export interface KeyCursor {
  /** The next files in key order: at least one and at most `wanted`; empty at the end. */
  readonly next: (wanted: number) => Promise<readonly KeyedInfo[]>
  /** Skips the keys before `low`; returns how many of them had been read. */
  readonly skipTo: (low: string) => number
  /** Ranges of paths without keys from `bound` on, sorted. */
  readonly exhaustedBefore: (bound: string) => readonly TextRange[]
}

/** A file, or a directory among the children of a directory, with its key. */
export interface KeyedInfo {
  readonly key: string
  readonly info: FileInfo
}

/** The input of a cursor. */
export interface CursorSource {
  readonly reader: PathReader
  readonly keys: KeyCodec
  /** The directory, with its slash, that contains all keys of the interval. */
  readonly directory: string
  readonly interval: KeyInterval
  /** Whether directories are listed like files. */
  readonly hasDirectories: boolean
  /** The path at which reading starts. */
  readonly start: string
  /** The ranges of paths that, by earlier pages, have no keys of a commit from `interval.low` on. */
  readonly recall: (commit: Commit) => readonly TextRange[]
}

/** Reading this many entries costs PFS less than a call. */
const fewEntries = 64
/** Maximum concurrent calls to PFS. */
const maxCalls = 8

/** Maximum files in the list, more than twice a page; if exceeded, half are kept. */
const maxWaiting = 4096

/** Opens a cursor without calling PFS. */
export function openKeyCursor(source: CursorSource): KeyCursor {
  const { reader, keys, directory, hasDirectories } = source
  const { high } = source.interval
  const directoryKey = keys.prefixFromDirectory(directory)
  let windows: readonly KeyWindow[] = []
  let { low } = source.interval
  /** Files with keys from here on are dropped. */
  let horizon = high
  let gaps: readonly TextRange[] = [reader.scope]
  let waiting: KeyedInfo[] = []
  let isRecalled = false

  const keyOf = ({ fileType, file }: FileInfo): string =>
    fileType === 'DIR' ? keys.prefixFromDirectory(file.path) : keys.keyFromPath(file.path)

  const close = (range: TextRange): void => {
    gaps = gaps.flatMap((gap) => without(gap, range))
  }

  async function readWindow({ range, gap }: Unread, wanted: number): Promise<void> {
    const to = range.to !== undefined && range.to < gap.to ? range.to : gap.to
    const number = Math.max(wanted - waiting.length, Math.min(wanted, fewEntries))
    const window = await reader.read({ from: range.from, to }, number, range.to !== undefined)
    const files: KeyedInfo[] = []
    for (const info of window.entries) {
      await yieldTurn()
      if (info.fileType !== 'FILE' && !hasDirectories) continue
      const key = keyOf(info)
      if (compareBytes(key, low) >= 0 && compareBytes(key, high) < 0) files.push({ key, info })
    }
    close({ from: range.from, to: window.to })
    windows = [...windows, { from: range.from, to: window.to, files, forgotten: undefined }]
    waiting = [...waiting, ...files].sort((a, b) => compareBytes(a.key, b.key))
    const over = waiting[maxWaiting]
    if (over !== undefined) horizon = waiting[maxWaiting / 2]?.key ?? over.key
    forgetBehind(horizon)
  }

  function forgetBehind(bound: string): void {
    if (bound === high) return
    waiting = waiting.filter(({ key }) => compareBytes(key, bound) < 0)
    windows = windows.map((window) => withoutFiles(window, bound))
  }

  /** Continues from the horizon: ranges of dropped files count as unread again. */
  function readAgain(): void {
    if (compareBytes(low, horizon) < 0) low = horizon
    horizon = high
    gaps = [reader.scope]
    for (const window of windows) for (const range of exhausted(window, low)) close(range)
  }

  const find = (from: string, interval: KeyInterval): CandidateRange | undefined => {
    if (keys.hasEscapes) return firstPath(from, directory, directoryKey, interval)
    const first = keys.startFromPrefix(interval.low)
    return from < `/${interval.high}` ? { from: from > first ? from : first } : undefined
  }

  /** Ranges to read before all keys up to `end` are known: the first of each gap, and more if all are bounded. */
  async function unreadBefore(end: string): Promise<Unread[]> {
    const found: Unread[] = []
    if (compareBytes(low, end) >= 0) return found
    for (const gap of gaps) {
      for (let { from } = gap; found.length < maxCalls; ) {
        await yieldTurn()
        const range = find(from, { low, high: end })
        if (range === undefined || range.from >= gap.to) break
        found.push({ range, gap })
        if (range.to === undefined || range.to >= gap.to) break
        from = range.to
      }
    }
    return found
  }

  /** Uses what earlier pages learned about the commit. */
  async function recall(): Promise<void> {
    isRecalled = true
    const { commit } = await reader.settle()
    for (const range of source.recall(commit)) {
      close(range)
      windows = [...windows, { ...range, files: [], forgotten: undefined }]
    }
  }

  return {
    next: async (wanted) => {
      const [scope] = gaps
      if (windows.length === 0 && scope !== undefined) {
        await readWindow({ range: { from: source.start > directory ? source.start : directory }, gap: scope }, wanted)
      }
      for (;;) {
        const last = waiting[Math.min(wanted, waiting.length) - 1]
        const unread = await unreadBefore(last?.key ?? horizon)
        if (unread.length === 0) {
          if (waiting.length > 0 || horizon === high) return waiting.splice(0, wanted)
          readAgain()
          continue
        }
        const bounded = unread.filter(({ range }) => range.to !== undefined)
        const [first] = unread
        if (bounded.length > 0 && !isRecalled) await recall()
        else if (first !== undefined && (bounded.length === 0 || bounded.length === maxCalls)) {
          // A single window from the first range on may cover all ranges.
          await readWindow({ gap: first.gap, range: { from: first.range.from } }, wanted)
        } else await Promise.all(bounded.map((one) => readWindow(one, wanted)))
      }
    },
    skipTo: (next) => {
      low = next
      const first = waiting.findIndex(({ key }) => compareBytes(key, low) >= 0)
      return waiting.splice(0, first < 0 ? waiting.length : first).length
    },
    exhaustedBefore: (bound) => windows.flatMap((window) => exhausted(window, bound)).sort(byStart),
  }
}

/** A range that has been read, with its files in the interval. */
interface KeyWindow extends TextRange {
  readonly files: readonly KeyedInfo[]
  /** The range of its files that were dropped. */
  readonly forgotten: TextRange | undefined
}

/** A range to read, and the gap that contains it. */
interface Unread {
  readonly range: CandidateRange
  readonly gap: TextRange
}

/** The parts of a window without keys from `bound` on. */
function exhausted(window: KeyWindow, bound: string): TextRange[] {
  const left = hullOf(
    window.files.filter(({ key }) => compareBytes(key, bound) >= 0),
    window.forgotten,
  )
  return left === undefined ? [window] : without(window, left)
}

/** A window without its files from the key `bound` on. */
function withoutFiles(window: KeyWindow, bound: string): KeyWindow {
  const isKept = ({ key }: KeyedInfo): boolean => compareBytes(key, bound) < 0
  const files = window.files.filter(isKept)
  if (files.length === window.files.length) return window
  const forgotten = hullOf(
    window.files.filter((file) => !isKept(file)),
    window.forgotten,
  )
  return { ...window, files, forgotten }
}

/** The smallest range that contains the paths of some files, sorted by path, and another range. */
function hullOf(files: readonly KeyedInfo[], other: TextRange | undefined): TextRange | undefined {
  const first = files[0]?.info.file.path
  const last = files.at(-1)?.info.file.path
  if (first === undefined || last === undefined) return other
  const own = { from: first, to: `${last}\x01` }
  if (other === undefined) return own
  return { from: own.from < other.from ? own.from : other.from, to: own.to > other.to ? own.to : other.to }
}

function byStart(a: TextRange, b: TextRange): number {
  return a.from < b.from ? -1 : 1
}

/** A range minus another range. */
function without(range: TextRange, taken: TextRange): TextRange[] {
  if (taken.to <= range.from || taken.from >= range.to) return [range]
  return [
    { from: range.from, to: taken.from },
    { from: taken.to, to: range.to },
  ].filter(({ from, to }) => from < to)
}
