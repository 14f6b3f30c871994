import { LRUCache } from 'lru-cache'
import { mapWithLimit } from '../concurrency.js'
import { noteLookup } from '../diagnostics.js'
import { type CallOptions, type PathRange, type Repo, repoId } from '../pfs/client.js'
import { prefixEnd } from '../pfs/path.js'
import { maxRecordBytes, readAhead } from './read-records.js'
import type { ObjectRecord } from './record.js'
import type { RecordAccess } from './record-access.js'
import type { RecordCache } from './record-cache.js'
import { directoryOfFiles, parentOf, rangeOfFiles, recordDirectory } from './record-path.js'
import type { RecordsBranch } from './records-branch.js'

/**
 * Records to read ahead for each key of a directory that was missing in the cache: as many as cost PFS about the same as the
 * call for the key. So reading ahead at most doubles the cost, whatever is read next.
 */
const recordsOfMiss = 64

/** Concurrent reads of a batch. */
const maxReads = 8

/** Maximum directories and pages of which something is remembered to choose calls. */
const maxDirectories = 10_000
const maxPages = 1000

/** A page of a listing, as far as it is known before PFS has listed it. */
export interface ExpectedPage {
  /** The path of its first key, or a path before it. */
  readonly start: string
  /** The beginning of the paths of its keys, if they are in the same directory as `start`. */
  readonly prefix: string
  /** Maximum keys. */
  readonly limit: number
}

/** Keys of a directory that were missing in the cache. */
interface Misses {
  readonly epoch: number
  count: number
  /** The count at which it reads ahead again; it doubles each time. */
  nextAt: number
  /** Where it reads ahead next. */
  from: string
}

/**
 * Fills the cache with records of neighbouring keys, which PFS reads nearly as fast as one record. Everything that it does is
 * an optimisation: records that are missing in the cache are read by key.
 */
export class DirectoryReader {
  readonly #access: RecordAccess
  readonly #cache: RecordCache
  readonly #directories = new LRUCache<string, Misses>({ max: maxDirectories })
  /** The epochs in which pages were read before their keys were known. */
  readonly #pages = new LRUCache<string, number>({ max: maxPages })

  constructor(access: RecordAccess, cache: RecordCache) {
    this.#access = access
    this.#cache = cache
  }

  /** Reads the records of a page whose keys are not known yet. */
  async expectPage(repo: Repo, { start, prefix, limit }: ExpectedPage, options: CallOptions): Promise<void> {
    if (!this.#cache.keepsRanges) return
    const branch = await this.#access.branchOf(repo, options)
    const directory = parentOf(start)
    const lower = recordsFrom(start)
    const upper = parentOf(prefix) === directory ? prefixEnd(recordsFrom(prefix)) : rangeOfFiles(directory).upper
    const range = { lower, upper }
    const name = JSON.stringify([repoId(repo), lower, limit])
    const isKnown = this.#cache.hasRange(branch, directory, range) || this.#pages.get(name) === branch.epoch
    if (branch.headId === undefined || isKnown) return
    this.#pages.set(name, branch.epoch)
    await this.#readAhead(branch, directory, range, limit + 1, options)
  }

  /** Reads ahead in the directories of keys that are missing in the cache. Returns whether it has read any records. */
  async readDirectories(branch: RecordsBranch, paths: readonly string[], options: CallOptions): Promise<boolean> {
    if (!this.#cache.keepsRanges) return false
    const { repo, epoch } = branch
    const chosen: { readonly directory: string; readonly misses: Misses }[] = []
    for (const [directory, keys] of countsBy(paths, parentOf)) {
      const id = repoId(repo) + directory
      const { lower, upper } = rangeOfFiles(directory)
      const known = noteLookup('record-directories', this.#directories.get(id))
      const misses = known?.epoch === epoch ? known : { epoch, count: 0, nextAt: 2, from: lower }
      misses.count += keys
      this.#directories.set(id, misses)
      if (misses.count < misses.nextAt || misses.from >= upper) continue
      misses.nextAt = 2 * misses.count
      chosen.push({ directory, misses })
    }
    const read = await mapWithLimit(maxReads, chosen, async ({ directory, misses }) => {
      const range = { ...rangeOfFiles(directory), lower: misses.from }
      const to = await this.#readAhead(branch, directory, range, recordsOfMiss * misses.count, options)
      misses.from = to ?? misses.from
      return to !== undefined
    })
    return read.includes(true)
  }

  /** Fills the cache with a range of record directories of one directory; returns where the read has ended. */
  async #readAhead(
    branch: RecordsBranch,
    directory: string,
    range: PathRange,
    maxRecords: number,
    options: CallOptions,
  ): Promise<string | undefined> {
    // It is not worth waiting until PFS has finished this gateway's latest commits, which often concern other keys.
    const commitId = this.#access.readableCommit(branch, [directoryOfFiles(directory)])
    if (commitId === undefined) return undefined
    const { epoch } = branch
    const readOptions = { shorten: (record: ObjectRecord) => record, maxBytes: maxRecordBytes }
    const source = this.#access.sourceOf(branch.repo, commitId, readOptions, options)
    const isInDirectory = (path: string): boolean => parentOf(path) === directory
    return branch.whileReading(isInDirectory, async (outdated) => {
      const { records, to } = await readAhead(source, range, maxRecords)
      if (outdated.size > 0 || branch.epoch !== epoch) return undefined
      this.#cache.setRange(branch, directory, { lower: range.lower, upper: to }, records)
      return to
    })
  }
}

/** The first record directory of a path, or of the paths that begin with it. */
function recordsFrom(path: string): string {
  return recordDirectory(path).slice(0, -1)
}

function countsBy(paths: readonly string[], nameOf: (path: string) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const path of paths) counts.set(nameOf(path), (counts.get(nameOf(path)) ?? 0) + 1)
  return counts
}
