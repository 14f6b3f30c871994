import { mapWithLimit } from '../concurrency.js'
import type { CallOptions, Commit, PfsClient } from '../pfs/client.js'
import { isMissing } from '../pfs/errors.js'
import { readTar } from '../pfs/tar.js'
import type { ObjectRecord } from './record.js'
import { type KeyRecords, sizeOfRecord } from './record-cache.js'
import { parseRecord, UnreadableRecord } from './record-format.js'
import { rangeOf, readRecordPath, recordDirectory } from './record-path.js'

/** Maximum size of a record to serve, in bytes; 10,000 parts with checksums take 1.5 MB. */
export const maxRecordBytes = 2 * 1024 * 1024

/** Maximum bytes of records that one call keeps: anyone who can write to a repo can add any number of records. */
const maxKeptBytes = 64 * 1024 * 1024

/** Maximum ranges per page, which are read concurrently. */
const maxRanges = 8

/** Maximum records of other keys in a range, as expensive as about 20 calls; beyond it, keys are read one by one. */
const maxOthers = 2000

/** Options of a read. */
export interface ReadManner {
  /** Whether the keys are neighbours in a listing, so that few ranges contain most of them and little else. */
  readonly areNeighbours: boolean
  /** Removes the fields of a record that the caller does not need. */
  readonly shorten: (record: ObjectRecord) => ObjectRecord
  /** Maximum size of a record in bytes; larger ones are skipped. */
  readonly maxBytes: number
  /** Called with the size in bytes of each record, also of skipped ones. */
  readonly onSize: (recordPath: string, size: number) => void
  readonly onError: (error: unknown) => void
}

/**
 * Reads the records of several keys at one commit of a records branch. Skips damaged records, and those beyond 64 MiB.
 */
export async function readRecords(
  pfs: PfsClient,
  commit: Commit,
  paths: readonly string[],
  { areNeighbours, shorten, maxBytes, onSize, onError }: ReadManner,
  options: CallOptions,
): Promise<Map<string, KeyRecords>> {
  const wanted = new Set(paths)
  let left = maxKeptBytes
  const leaveOut = (path: string, cause: unknown): void =>
    onError(new Error(`the record ${path} cannot be read; its object is served without the record`, { cause }))
  const readRecord = (path: string, content: Buffer): ObjectRecord | undefined => {
    try {
      const record = shorten(parseRecord(content))
      left -= sizeOfRecord(record)
      if (left >= 0) return record
      throw new UnreadableRecord('the object has too many records')
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error
      leaveOut(path, error)
      return undefined
    }
  }
  const found = new Map<string, Map<string, ObjectRecord>>()
  async function readRange(directories: readonly string[]): Promise<void> {
    let others = 0
    const isWanted = (recorded: string, size: number): boolean => {
      if (!wanted.has(readRecordPath(recorded)?.path ?? '')) {
        others += 1
        return false
      }
      onSize(recorded, size)
      if (size <= maxBytes) return true
      leaveOut(recorded, new UnreadableRecord(`a record has ${size} bytes`))
      return false
    }
    const archive = pfs.getFileTar({ file: { commit, path: '/**' }, pathRange: rangeOf(directories) }, options)
    const isSparse = () => directories.length > 1 && others > maxOthers
    try {
      for await (const { path: recorded, content } of readTar(endIf(isSparse, archive), isWanted)) {
        const { path, content: id } = readRecordPath(recorded) ?? { path: '', content: '' }
        const record = readRecord(recorded, content)
        if (record === undefined) continue
        const records = found.get(path) ?? new Map<string, ObjectRecord>()
        found.set(path, records.set(id, record))
      }
    } catch (error) {
      if (error instanceof SparseRange) {
        for (const directory of directories) await readRange([directory])
        // PFS reports a range without files as a missing file.
      } else if (!isMissing(error, 'file')) throw error
    }
  }
  const directories = paths.map(recordDirectory).sort(byBytes)
  const ranges = areNeighbours ? rangesOf(directories) : directories.map((directory) => [directory])
  await mapWithLimit(maxRanges, ranges, readRange)
  return found
}

/** Thrown for a range with too many records of other keys. */
class SparseRange extends Error {}

async function* endIf(isSparse: () => boolean, archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of archive) {
    if (isSparse()) throw new SparseRange()
    yield piece
  }
}

/**
 * Groups the directories of the keys by range: one range per directory of files. If there are more than `maxRanges`, ranges
 * are joined where neighbours share most of their path, since few other files are between those.
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
  const kept = new Set(
    gaps
      .sort((a, b) => a.shared - b.shared)
      .slice(0, maxRanges - 1)
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
