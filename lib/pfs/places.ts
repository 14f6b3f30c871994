import { mapWithLimit } from '../concurrency.js'
import type { CallOptions, Commit, FileInfo, PathRange, PfsClient } from './client.js'
import { PfsError } from './errors.js'
import { anyPath, findFile, rangeOf } from './path.js'

/** A path may be a file, or the directory of others. */
interface Place {
  readonly file: FileInfo | undefined
  readonly isDirectory: boolean
}

/** What is at a path, or the reason why PFS cannot read that path. */
export type Finding = PromiseSettledResult<Place>

/** Most paths that are looked up in one range. */
const maxPathsOfRange = 500

/**
 * Most entries of a range: an entry costs pachd a three-hundredth of a call. If there are more, the paths behind them are
 * looked up one by one.
 */
const entriesOfRange = 200
const entriesOfPath = 50

/** Longest time for a range: the size of a directory in it is summed up, which may take seconds. */
const rangeMilliseconds = 1000

/** Calls under way at once for paths that are looked up one by one: as many as pachd has connections to its database. */
const maxCalls = 10

/** Most lookups that do without a range after it was of no use. */
const maxPause = 16

/**
 * Whether ranges between the paths that a branch is asked for hold little else. After a range that held too much, the
 * next ones are left out, twice as many after each failure.
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

/** Where paths are looked up. */
export interface Places {
  readonly pfs: PfsClient
  readonly commit: Commit
  /** Of the branch: whether a range was of use lately; one is tried if it is absent. */
  readonly history?: RangeHistory
  /** Whether directories count as missing, which spares PFS the sum of what is in them. */
  readonly filesOnly?: true
}

/**
 * What is at many paths. Paths that follow each other in byte order share a call, unless too much lies between them.
 *
 * @throws PfsError as `globFile` does, except for a collision at one of the paths.
 */
export async function findPlaces(
  places: Places,
  paths: readonly string[],
  options: CallOptions,
): Promise<ReadonlyMap<string, Finding>> {
  const findings = new Map<string, Finding>()
  const sorted = [...new Set(paths)].sort()
  for (let start = 0; start < sorted.length; start += maxPathsOfRange) {
    const range = sorted.slice(start, start + maxPathsOfRange)
    const isTried = range.length > 1 && (places.history?.isWorthTrying() ?? true)
    const found = isTried ? await findInRange(places, range, options) : new Map<string, Place>()
    if (isTried) places.history?.note(found.size === range.length)
    await mapWithLimit(maxCalls, range, async (path) => {
      const place = found.get(path)
      const finding = place === undefined ? await findPlace(places, path, options) : settled(place)
      findings.set(path, finding)
    })
  }
  return findings
}

/** What is at one path: what lies between a file and the directory of its name is mostly little. */
async function findPlace(places: Places, path: string, options: CallOptions): Promise<Finding> {
  const { pfs, commit, filesOnly } = places
  try {
    if (filesOnly) return settled({ file: await findFile(pfs, { commit, path }, options), isDirectory: false })
    const place = (await findInRange(places, [path], options)).get(path)
    if (place !== undefined) return settled(place)
    const [file, directory] = await Promise.all([
      findFile(pfs, { commit, path }, options),
      readRange(places, directoryRange(path), options),
    ])
    return settled({ file, isDirectory: directory.length > 0 })
  } catch (reason) {
    if (!isCollision(reason)) throw reason
    return { status: 'rejected', reason }
  }
}

async function readRange({ pfs, commit }: Places, pathRange: PathRange, options: CallOptions): Promise<FileInfo[]> {
  const infos: FileInfo[] = []
  for await (const info of pfs.globFile({ commit, pattern: anyPath, pathRange }, options)) infos.push(info)
  return infos
}

/**
 * What is at sorted paths; without those behind the entries that are too many, and without any if that takes too long or
 * PFS cannot read the range.
 */
async function findInRange(
  { pfs, commit, filesOnly }: Places,
  paths: readonly string[],
  { signal, ...options }: CallOptions,
): Promise<ReadonlyMap<string, Place>> {
  const [first = '', last = first] = [paths[0], paths.at(-1)]
  const wanted = new Set(paths)
  const files = new Map<string, FileInfo>()
  const directories = new Set<string>()
  const limit = AbortSignal.timeout(rangeMilliseconds)
  const pathRange = { lower: first, upper: (filesOnly ? rangeOf : directoryRange)(last).upper }
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

function settled(value: Place): Finding {
  return { status: 'fulfilled', value }
}

function isCollision(reason: unknown): boolean {
  return reason instanceof PfsError && reason.refusal === 'collision'
}

/** The range that holds a directory's own entry, without anything that is in it. */
function directoryRange(path: string): PathRange {
  return { lower: `${path}/`, upper: `${path}/\x01` }
}
