import { mapWithLimit } from '../concurrency.js'
import type { CallOptions, Commit, PathRange, PfsClient } from '../pfs/client.js'
import { isMissing } from '../pfs/errors.js'
import { anyPath } from '../pfs/path.js'
import type { RangeHistory } from '../pfs/path-lookup.js'
import { readTar } from '../pfs/tar.js'
import { type KeyRecords, type ObjectRecord, sizeOfRecord } from './record.js'
import { parseRecord, UnreadableRecord } from './record-format.js'
import { rangeOfDirectories, readRecordPath, recordDirectory } from './record-path.js'

/** Maximum size of a record to serve, in bytes; 10,000 parts with checksums take 1.5 MB. */
export const maxRecordBytes = 2 * 1024 * 1024

/** Maximum bytes of records that one call keeps: anyone who can write to a repo can add any number of records. */
const maxKeptBytes = 64 * 1024 * 1024

/** Maximum ranges, which are read concurrently, and keys for which a range is worth its call. */
const maxRanges = 8
const keysOfRange = 16

/**
 * Maximum records of other keys in a range, for each of its keys and in all: a call costs pachd as much as a hundred records.
 * Beyond it, keys are read one by one.
 */
const othersOfKey = 50
const maxOthers = 2000

/** Maximum bytes of a range that is read before it is known whether its records are needed. */
const maxBytesAhead = 4 * 1024 * 1024

/** Options of a read. */
export interface RecordReadOptions {
  /** Removes the fields of a record that the caller does not need. */
  readonly shorten: (record: ObjectRecord) => ObjectRecord
  /** Maximum size of a record in bytes; larger ones are skipped. */
  readonly maxBytes: number
  /** Called with the size in bytes of each record, also of skipped ones. */
  readonly onSize: (recordPath: string, size: number) => void
  readonly onError: (error: unknown) => void
  /** Called if the read has ended since its records exceed 64 MiB: some may be missing. */
  readonly onOverflow?: () => void
  /** Whether ranges of several keys were useful before; without it, they are tried. */
  readonly history?: RangeHistory
}

/** A commit of a records branch, and the rights of a caller. */
export interface RecordSource {
  readonly pfs: PfsClient
  readonly commit: Commit
  readonly readOptions: RecordReadOptions
  readonly options: CallOptions
}

/**
 * Reads the records of several keys. Neighbouring keys share a call, unless there are too many other records between them.
 * Skips damaged records, and those beyond 64 MiB.
 */
export async function readRecords(source: RecordSource, paths: readonly string[]): Promise<Map<string, KeyRecords>> {
  const { history } = source.readOptions
  const reader = new RangeReader(source)
  const wanted = new Set(paths)
  const directories = [...wanted].map(recordDirectory).sort(byBytes)
  const isTried = directories.length > 1 && (history?.isWorthTrying() ?? true)
  const alone: string[] = isTried ? [] : directories
  await mapWithLimit(maxRanges, isTried ? rangesOf(directories) : [], async (range) => {
    const limit = Math.min(othersOfKey * range.length, maxOthers)
    let last = ''
    let others = 0
    const isWanted = (path: string, recorded: string): boolean => {
      last = recorded
      if (wanted.has(path)) return true
      others += 1
      return false
    }
    const isComplete = await reader.read(rangeOfDirectories(range), isWanted, () => range.length > 1 && others > limit)
    if (!isComplete) alone.push(...range.filter((directory) => directory > last || last.startsWith(directory)))
  })
  if (isTried) history?.note(alone.length === 0)
  await mapWithLimit(maxRanges, alone, async (directory) => {
    await reader.read(
      rangeOfDirectories([directory]),
      (path) => wanted.has(path),
      () => false,
    )
  })
  return reader.found
}

/**
 * Reads a range of record directories in one call, but at most `maxRecords` records of 4 MiB. Returns where the read has
 * ended: the end of the range, or the directory of the first key whose records are missing.
 */
export async function readAhead(
  source: RecordSource,
  range: PathRange,
  maxRecords: number,
): Promise<{ readonly records: Map<string, KeyRecords>; readonly to: string }> {
  const reader = new RangeReader(source)
  let last = ''
  let records = 0
  let bytes = 0
  let isFull = false
  const isWanted = (path: string, _: string, size: number): boolean => {
    if (isFull) return false
    records += 1
    bytes += size
    isFull = records > maxRecords || bytes > maxBytesAhead || size > source.readOptions.maxBytes
    if (path !== '') last = path
    return path !== '' && !isFull
  }
  await reader.read(range, isWanted, () => isFull)
  if (!isFull) return { records: reader.found, to: range.upper }
  reader.found.delete(last)
  // Other files than records may have ended the read before the first record.
  return { records: reader.found, to: last === '' ? range.lower : recordDirectory(last) }
}

/** Collects the records of ranges. */
class RangeReader {
  readonly found = new Map<string, Map<string, ObjectRecord>>()
  readonly #source: RecordSource
  #left = maxKeptBytes

  constructor(source: RecordSource) {
    this.#source = source
  }

  /**
   * Reads the wanted records of a range. `isWanted` is called with the path of the key, '' for anything but a record, before
   * each one is read. Returns false if `isEnough` or the limit has ended the read; the last key may be incomplete then.
   */
  async read(
    pathRange: PathRange,
    isWanted: (path: string, recordPath: string, size: number) => boolean,
    isEnough: () => boolean,
  ): Promise<boolean> {
    const { pfs, commit, readOptions, options } = this.#source
    if (this.#left < 0) return false
    const isKept = (recorded: string, size: number): boolean => {
      if (this.#left < 0 || !isWanted(readRecordPath(recorded)?.path ?? '', recorded, size)) return false
      readOptions.onSize(recorded, size)
      if (size <= readOptions.maxBytes) return true
      this.#leaveOut(recorded, new UnreadableRecord(`a record has ${size} bytes`))
      return false
    }
    const isOver = (): boolean => isEnough() || this.#left < 0
    const archive = pfs.getFileTar({ file: { commit, path: anyPath }, pathRange }, options)
    try {
      for await (const { path, content } of readTar(endIf(isOver, archive), isKept)) await this.#add(path, content)
      return true
    } catch (error) {
      if (error instanceof EnoughRead) return false
      // PFS reports a range without files as a missing file.
      if (isMissing(error, 'file')) return true
      throw error
    }
  }

  async #add(recorded: string, content: Buffer): Promise<void> {
    const { path, content: id } = readRecordPath(recorded) ?? { path: '', content: '' }
    try {
      const record = this.#source.readOptions.shorten(await parseRecord(content))
      this.#left -= sizeOfRecord(record)
      if (this.#left < 0) {
        this.#source.readOptions.onOverflow?.()
        throw new UnreadableRecord('the object has too many records')
      }
      const records = this.found.get(path) ?? new Map<string, ObjectRecord>()
      this.found.set(path, records.set(id, record))
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error
      this.#leaveOut(recorded, error)
    }
  }

  #leaveOut(recordPath: string, cause: UnreadableRecord): void {
    const message = `the record ${recordPath} cannot be read; its object is served without the record`
    this.#source.readOptions.onError(new Error(message, { cause }))
  }
}

/** Thrown to end a read early. */
class EnoughRead extends Error {}

async function* endIf(isEnough: () => boolean, archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of archive) {
    if (isEnough()) throw new EnoughRead()
    yield piece
  }
}

/**
 * Groups the directories of the keys by range: one range per directory of files. If there are too many ranges for the keys,
 * ranges are joined where neighbours share most of their path, since few other files are between those.
 */
function rangesOf(directories: readonly string[]): string[][] {
  const groups: string[][] = []
  let parent: string | undefined
  for (const directory of directories) {
    const above = directory.slice(0, directory.lastIndexOf('/f'))
    if (above !== parent) groups.push([])
    parent = above
    groups.at(-1)?.push(directory)
  }
  const gaps = groups.slice(1).map((group, index) => ({
    index: index + 1,
    shared: sharedLength(groups[index]?.at(-1) ?? '', group[0] ?? ''),
  }))
  const most = Math.min(maxRanges, Math.ceil(directories.length / keysOfRange))
  const kept = new Set(
    gaps
      .sort((a, b) => a.shared - b.shared)
      .slice(0, most - 1)
      .map(({ index }) => index),
  )
  const joined: string[][] = []
  for (const [index, group] of groups.entries()) {
    if (index === 0 || kept.has(index)) joined.push([])
    joined.at(-1)?.push(...group)
  }
  return joined
}

function sharedLength(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

/** Paths in PFS are ASCII, so the order of code units is the order of bytes. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
