import type { Commit, FileInfo } from '../../pfs/client.js'
import { compareBytes } from '../byte-order.js'
import type { KeyCodec } from '../key.js'
import type { PathReader, TextRange } from './path-reader.js'
import { firstPath, type KeyInterval, type PathRange } from './path-search.js'

/**
 * A cursor over the keys of a directory in byte order, though PFS lists paths in the byte order of paths.
 *
 * The two orders differ where a path has an escape, since `%` comes before letters and digits. Keys and their paths:
 *
 *     key          path               The paths in their order are /a%28, /a-, /ab, and /a%7B comes second of all five:
 *     a(           /a%28              /a%28 · /a%7B · /a- · /ab · /b
 *     a-           /a-
 *     ab           /ab
 *     a{           /a%7B
 *     b            /b
 *
 * So the cursor reads *windows*: ranges of paths that it knows completely. Their files wait in a list
 * sorted by key. Between the windows lie *gaps*. The first file of the list is the next key, unless a gap may hold
 * a lesser one; `firstPath` names the least path of a gap that can have a key in a given interval, by comparing texts
 * and without asking PFS. Where there is such a path, the cursor reads a window from there and asks again.
 *
 * Example: a page of two keys after `a-`. The first window begins behind /a- and holds /ab and /b. Is `ab` the next key? A
 * key between `a-` and `ab` begins with `a` and one of `.` to `a`, so its path begins with /a, a character of that range,
 * which the window knows, or an escape: /a%3F to /a%5E lie in the gap before the window. One call shows that no path is
 * there. Then `ab` is taken; between `ab` and `b` comes /a%7B: another call finds `a{`. The page is `ab`, `a{`.
 *
 * The result is a k-way merge of windows in which a window is opened only when its keys may be next. Costs: a page reads
 * its own files, one call for each place where escapes would change the order, and processor time linear in the length
 * of the keys.
 */
export interface KeyCursor {
  /** The next files, sorted: at least one and at most `wanted`; none at the end. */
  readonly next: (wanted: number) => Promise<readonly KeyedInfo[]>
  /** Leaves out the keys before `low`, and returns how many were read in vain. */
  readonly skipTo: (low: string) => number
  /** Ranges of paths that have no keys from `bound` on, sorted. */
  readonly exhaustedBefore: (bound: string) => readonly TextRange[]
}

/** A file, or a child of a directory that is itself a directory, and its key. */
export interface KeyedInfo {
  readonly key: string
  readonly info: FileInfo
}

/** What a cursor reads. */
export interface CursorSource {
  readonly reader: PathReader
  readonly keys: KeyCodec
  /** The directory, with its slash, in which all keys of the interval lie. */
  readonly directory: string
  readonly interval: KeyInterval
  /** Whether directories count as files. */
  readonly hasDirectories: boolean
  /** The path from which to read first. */
  readonly start: string
  /** The ranges of paths in which earlier pages have found that a commit has no keys from `interval.low` on. */
  readonly recall: (commit: Commit) => readonly TextRange[]
}

/** A call costs PFS more than so many entries. */
const fewEntries = 64
/** Most calls to PFS at once. */
const maxCalls = 8

/** Opens a cursor; asks PFS nothing yet. */
export function openKeyCursor(source: CursorSource): KeyCursor {
  const { reader, keys, directory, hasDirectories } = source
  const { high } = source.interval
  const directoryKey = keys.prefixFromDirectory(directory)
  const windows: KeyWindow[] = []
  let { low } = source.interval
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
    const files = window.entries
      .filter(({ fileType }) => fileType === 'FILE' || hasDirectories)
      .map((info) => ({ key: keyOf(info), info }))
      .filter(({ key }) => compareBytes(key, low) >= 0 && compareBytes(key, high) < 0)
    close({ from: range.from, to: window.to })
    windows.push({ from: range.from, to: window.to, files })
    waiting = [...waiting, ...files].sort((a, b) => compareBytes(a.key, b.key))
  }

  const find = (from: string, interval: KeyInterval): PathRange | undefined => {
    if (keys.hasEscapes) return firstPath(from, directory, directoryKey, interval)
    const first = keys.startFromPrefix(interval.low)
    return from < `/${interval.high}` ? { from: from > first ? from : first } : undefined
  }

  /** Ranges that must be read before all keys up to `end` are known: the first of each gap, and more if each is bounded. */
  function unreadBefore(end: string): Unread[] {
    const found: Unread[] = []
    for (const gap of gaps) {
      for (let { from } = gap; found.length < maxCalls; ) {
        const range = find(from, { low, high: end })
        if (range === undefined || range.from >= gap.to) break
        found.push({ range, gap })
        if (range.to === undefined || range.to >= gap.to) break
        from = range.to
      }
    }
    return found
  }

  /** Takes over what earlier pages know of the commit. */
  async function recall(): Promise<void> {
    isRecalled = true
    const { commit } = await reader.settle()
    for (const range of source.recall(commit)) {
      close(range)
      windows.push({ ...range, files: [] })
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
        const unread = unreadBefore(last?.key ?? high)
        if (unread.length === 0) return waiting.splice(0, wanted)
        const bounded = unread.filter(({ range }) => range.to !== undefined)
        const [first] = unread
        if (bounded.length > 0 && !isRecalled) await recall()
        else if (first !== undefined && (bounded.length === 0 || bounded.length === maxCalls)) {
          // One window from the first on may answer for all.
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

/** A range that has been read, and its files in the interval. */
interface KeyWindow extends TextRange {
  readonly files: readonly KeyedInfo[]
}

/** A range to read, in the gap that it belongs to. */
interface Unread {
  readonly range: PathRange
  readonly gap: TextRange
}

/** The parts of a window before and behind its files whose keys are not before `bound`. */
function exhausted(window: KeyWindow, bound: string): TextRange[] {
  const left = window.files.filter(({ key }) => compareBytes(key, bound) >= 0).map(({ info }) => info.file.path)
  const [first] = left
  const last = left.at(-1)
  return first === undefined || last === undefined ? [window] : without(window, { from: first, to: `${last}\x01` })
}

function byStart(a: TextRange, b: TextRange): number {
  return a.from < b.from ? -1 : 1
}

/** What is left of a range. */
function without(range: TextRange, taken: TextRange): TextRange[] {
  if (taken.to <= range.from || taken.from >= range.to) return [range]
  return [
    { from: range.from, to: taken.from },
    { from: taken.to, to: range.to },
  ].filter(({ from, to }) => from < to)
}
