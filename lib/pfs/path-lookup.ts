import { LRUCache } from 'lru-cache'
import { mapWithLimit } from '../concurrency.js'
import { noteLookup } from '../diagnostics.js'
import type { CallOptions, Commit, FileInfo, PathRange, PfsClient } from './client.js'
import { PfsError } from './errors.js'
import { anyPath, findFile, rangeOf } from './path.js'

/** The content of a path: a file, or a directory of others. */
interface PathContent {
  readonly file: FileInfo | undefined
  readonly isDirectory: boolean
}

/** The content of a path, or the reason why PFS cannot read it. */
export type PathResult = PromiseSettledResult<PathContent>

/** Maximum paths per range. */
const maxPathsOfRange = 500

/**
 * Maximum entries to read per range: an entry costs pachd a three-hundredth of a call. Paths behind more entries are looked
 * up one by one.
 */
const entriesOfRange = 200
const entriesOfPath = 50

/** Time limit for a range, in milliseconds: PFS computes the size of each directory in it, which may take seconds. */
const rangeMilliseconds = 1000

/** Concurrent calls for paths that are looked up one by one: pachd has this many connections to its database. */
const maxCalls = 10

/** Maximum look-ups without a range after a range was useless. */
const maxPause = 16

/**
 * Remembers whether the ranges between the looked-up paths of a branch contain few other files. After a range with too
 * many, the next look-ups use no range; their number doubles with each failure (exponential back-off).
 */
export class RangeHistory {
  #pause = 0
  #left = 0

  isWorthTrying(): boolean {
    if (this.#left === 0) return true
    this.#left -= 1
    return false
  }

  note(isUseful: boolean): void {
    this.#pause = isUseful ? 0 : Math.min(Math.max(1, this.#pause * 2), maxPause)
    this.#left = this.#pause
  }
}

/** LRU cache of range histories by name, such as that of a commit. */
export class RangeHistories {
  readonly #histories: LRUCache<string, RangeHistory>

  constructor(max: number) {
    this.#histories = new LRUCache({ max })
  }

  /** The history of a name, which is created if it is missing. */
  of(name: string): RangeHistory {
    const history = noteLookup('ranges', this.#histories.get(name)) ?? new RangeHistory()
    this.#histories.set(name, history)
    return history
  }
}

/** The commit to look up paths in. */
export interface PathLookupScope {
  readonly pfs: PfsClient
  readonly commit: Commit
  /** The range history of the branch; without it, a range is tried. */
  readonly history?: RangeHistory
  /** Treats directories as missing, so that PFS need not compute their sizes. */
  readonly filesOnly?: true
}

/**
 * Looks up many paths. Neighbouring paths share a call, unless there is too much between them.
 *
 * @throws PfsError as `globFile` does, except for a collision at one of the paths.
 */
export async function lookUpPaths(
  scope: PathLookupScope,
  paths: readonly string[],
  options: CallOptions,
): Promise<ReadonlyMap<string, PathResult>> {
  const results = new Map<string, PathResult>()
  const sorted = [...new Set(paths)].sort()
  for (let start = 0; start < sorted.length; start += maxPathsOfRange) {
    const range = sorted.slice(start, start + maxPathsOfRange)
    const isTried = range.length > 1 && (scope.history?.isWorthTrying() ?? true)
    const found = isTried ? await findInRange(scope, range, options) : new Map<string, PathContent>()
    if (isTried) scope.history?.note(found.size === range.length)
    await mapWithLimit(maxCalls, range, async (path) => {
      const content = found.get(path)
      const result = content === undefined ? await lookUpPath(scope, path, options) : settled(content)
      results.set(path, result)
    })
  }
  return results
}

/** Looks up one path: there is usually little between a file and a directory of the same name. */
async function lookUpPath(scope: PathLookupScope, path: string, options: CallOptions): Promise<PathResult> {
  const { pfs, commit, filesOnly } = scope
  try {
    if (filesOnly) return settled({ file: await findFile(pfs, { commit, path }, options), isDirectory: false })
    const content = (await findInRange(scope, [path], options)).get(path)
    if (content !== undefined) return settled(content)
    const [file, directory] = await Promise.all([
      findFile(pfs, { commit, path }, options),
      readRange(scope, directoryRange(path), options),
    ])
    return settled({ file, isDirectory: directory.length > 0 })
  } catch (reason) {
    if (!isCollision(reason)) throw reason
    return { status: 'rejected', reason }
  }
}

async function readRange(
  { pfs, commit }: PathLookupScope,
  pathRange: PathRange,
  options: CallOptions,
): Promise<FileInfo[]> {
  const infos: FileInfo[] = []
  for await (const info of pfs.globFile({ commit, pattern: anyPath, pathRange }, options)) infos.push(info)
  return infos
}

/**
 * Looks up sorted paths in a range; omits those behind too many entries, and returns nothing if the range takes too long
 * or PFS cannot read it.
 */
async function findInRange(
  { pfs, commit, filesOnly }: PathLookupScope,
  paths: readonly string[],
  { signal, ...options }: CallOptions,
): Promise<ReadonlyMap<string, PathContent>> {
  const [first = '', last = first] = [paths[0], paths.at(-1)]
  const wanted = new Set(paths)
  const files = new Map<string, FileInfo>()
  const directories = new Set<string>()
  const limit = AbortSignal.timeout(rangeMilliseconds)
  // Not that of the last path: /a/ sorts behind /a-b/.
  const uppers = filesOnly ? [rangeOf(last).upper] : paths.map((path) => directoryRange(path).upper ?? '')
  const pathRange = { lower: first, upper: uppers.reduce((a, b) => (a > b ? a : b)) }
  const most = entriesOfRange + entriesOfPath * paths.length
  let entries = 0
  let end: string | undefined
  try {
    const both = signal === undefined ? limit : AbortSignal.any([signal, limit])
    for await (const info of pfs.globFile({ commit, pattern: anyPath, pathRange }, { ...options, signal: both })) {
      const { path } = info.file
      if (entries === most) {
        end = path
        break
      }
      entries += 1
      if (!path.endsWith('/')) {
        if (wanted.has(path)) files.set(path, info)
      } else if (wanted.has(path.slice(0, -1))) directories.add(path.slice(0, -1))
    }
  } catch (reason) {
    signal?.throwIfAborted()
    if (limit.aborted || isCollision(reason)) return new Map()
    throw reason
  }
  const read = end === undefined ? paths : paths.filter((path) => `${path}/` < end)
  return new Map(read.map((path) => [path, { file: files.get(path), isDirectory: directories.has(path) }]))
}

function settled(value: PathContent): PathResult {
  return { status: 'fulfilled', value }
}

function isCollision(reason: unknown): boolean {
  return reason instanceof PfsError && reason.refusal === 'collision'
}

/** The range that contains only a directory's own entry. */
function directoryRange(path: string): PathRange {
  return { lower: `${path}/`, upper: `${path}/\x01` }
}
