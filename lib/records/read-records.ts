import { eachAtMost } from '../concurrency.js'
import type { CallOptions, Commit, PathRange, PfsClient } from '../pfs/client.js'
import { isMissing } from '../pfs/errors.js'
import { readTar } from '../pfs/tar.js'
import { type ObjectRecord, parseRecord, UnreadableRecord } from './record.js'
import type { KeyRecords } from './record-cache.js'
import { rangeOf, readRecordPath, recordDirectory } from './record-path.js'

/** Most ranges that are read for one page, and most calls under way at once. */
const maxRanges = 8

/** Reads the records of some keys at one commit of a records branch, in few calls. A damaged record is left out. */
export async function readRecords(
  pfs: PfsClient,
  commit: Commit,
  paths: readonly string[],
  onError: (error: unknown) => void,
  options: CallOptions,
): Promise<Map<string, KeyRecords>> {
  const wanted = new Set(paths)
  const found = new Map<string, Map<string, ObjectRecord>>()
  await eachAtMost(maxRanges, rangesOf(paths.map(recordDirectory).sort(byBytes)), async (pathRange) => {
    try {
      for await (const { path: recorded, content } of readTar(
        pfs.getFileTar({ file: { commit, path: '/**' }, pathRange }, options),
      )) {
        const { path, content: id } = readRecordPath(recorded) ?? { path: '', content: '' }
        if (!wanted.has(path)) continue
        const record = readable(recorded, content, onError)
        if (record === undefined) continue
        const records = found.get(path) ?? new Map<string, ObjectRecord>()
        found.set(path, records.set(id, record))
      }
    } catch (error) {
      // PFS says so of a range without files.
      if (!isMissing(error, 'file')) throw error
    }
  })
  return found
}

function readable(path: string, content: Buffer, onError: (error: unknown) => void): ObjectRecord | undefined {
  try {
    return parseRecord(content)
  } catch (error) {
    if (!(error instanceof UnreadableRecord)) throw error
    onError(new Error(`the record ${path} cannot be read; its object is served without it`, { cause: error }))
    return undefined
  }
}

/**
 * A range for each directory that holds some of the keys. If there are more than `maxRanges`, neighbours are joined where
 * they have most of their path in common, since least lies between them.
 */
function rangesOf(directories: readonly string[]): PathRange[] {
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
  return joined.map(rangeOf)
}

function sharedLength(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

/** Paths in PFS are ASCII, so code units have the order of bytes. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
