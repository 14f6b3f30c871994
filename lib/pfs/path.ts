import { eachAtMost } from '../concurrency.js'
import type { CallOptions, Commit, File, FileInfo, PathRange, PfsClient } from './client.js'
import { PfsError } from './errors.js'

/** Behind every path that PFS can hold with this beginning: its paths are of printable ASCII. */
export const afterEveryPath = '\x7f'

/** The greatest marker before every path that begins with `lower`: markers are exclusive. */
export function markerBefore(lower: string): string {
  const last = lower.charCodeAt(lower.length - 1)
  return lower.slice(0, -1) + String.fromCharCode(last - 1) + afterEveryPath
}

/** The least text behind every text that begins with `prefix`; '' where there is none. */
export function prefixEnd(prefix: string): string {
  return prefix === '' ? '' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

/** The directories above a path, nearest first, without the root and without a slash at their end. */
export function parentsOf(path: string): string[] {
  const parents: string[] = []
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    parents.push(path.slice(0, slash))
  }
  return parents
}

/*
 * InspectFile and GetFile read every path that begins with the one asked for: `/img-1` beside 100,000 `/img-1…` costs
 * seconds. A range that holds one path does not, if the pattern also matches what follows: pachd hands a file on when the
 * next match is beyond the range, so with a pattern of that path alone GetFile reads to the end of the commit.
 */
const anyPath = '/**'

/** The range from one path to another, or of one path: space is the least character that a longer path can have there. */
function rangeOf(first: string, last = first): PathRange {
  return { lower: first, upper: `${last} ` }
}

/**
 * The file at a path; undefined if the path is missing or a directory. The cost does not depend on the paths beside it.
 *
 * @throws PfsError as `globFile` does, such as NOT_FOUND for a missing repo, branch or commit.
 */
export async function findFile(
  pfs: PfsClient,
  { commit, path }: File,
  options: CallOptions,
): Promise<FileInfo | undefined> {
  let found: FileInfo | undefined
  // Read to its end: to leave the stream would reset the call.
  for await (const info of pfs.globFile({ commit, pattern: anyPath, pathRange: rangeOf(path) }, options)) found = info
  return found
}

/** Most paths that are looked up in one range; an entry costs pachd a three-hundredth of a call. */
const maxPathsOfRange = 250

/**
 * Longest time for a range: what lies between its paths may be a million files. Looking the paths up one by one takes
 * pachd about as long.
 */
const rangeMilliseconds = 2000

/** Calls under way at once for paths that are looked up one by one. */
const maxCalls = 10

/** The file at a path, undefined if the path is missing or a directory, or the reason why PFS cannot read that path. */
type Finding = PromiseSettledResult<FileInfo | undefined>

/**
 * The files at many paths. Paths that follow each other in byte order share a call.
 *
 * @throws PfsError as `globFile` does, except for a collision at one of the paths.
 */
export async function findFiles(
  pfs: PfsClient,
  commit: Commit,
  paths: readonly string[],
  options: CallOptions,
): Promise<ReadonlyMap<string, Finding>> {
  const findings = new Map<string, Finding>()
  const sorted = paths.toSorted()
  for (let start = 0; start < sorted.length; start += maxPathsOfRange) {
    const range = sorted.slice(start, start + maxPathsOfRange)
    const found = range.length === 1 ? undefined : await findInRange(pfs, commit, range, options)
    await eachAtMost(maxCalls, range, async (path) => {
      const file = { commit, path }
      const value = found ? settled(found.get(path)) : await findFile(pfs, file, options).then(settled, unreadable)
      findings.set(path, value)
    })
  }
  return findings
}

/** The files at sorted paths, by path; undefined if that takes too long, or if PFS cannot read the range. */
async function findInRange(
  pfs: PfsClient,
  commit: Commit,
  paths: readonly string[],
  { signal, ...options }: CallOptions,
): Promise<ReadonlyMap<string, FileInfo> | undefined> {
  const wanted = new Set(paths)
  const found = new Map<string, FileInfo>()
  const limit = AbortSignal.timeout(rangeMilliseconds)
  const range = { commit, pattern: anyPath, pathRange: rangeOf(paths[0] ?? '', paths.at(-1)) }
  try {
    const both = signal === undefined ? limit : AbortSignal.any([signal, limit])
    for await (const info of pfs.globFile(range, { ...options, signal: both })) {
      if (wanted.has(info.file.path)) found.set(info.file.path, info)
    }
    return found
  } catch (reason) {
    signal?.throwIfAborted()
    if (limit.aborted || isCollision(reason)) return undefined
    throw reason
  }
}

function settled(value: FileInfo | undefined): Finding {
  return { status: 'fulfilled', value }
}

function unreadable(reason: unknown): Finding {
  if (!isCollision(reason)) throw reason
  return { status: 'rejected', reason }
}

function isCollision(reason: unknown): boolean {
  return reason instanceof PfsError && reason.refusal === 'collision'
}

/**
 * The bytes of the file at a path from `offset` on (0 if absent), at a cost that does not depend on the paths beside it.
 *
 * @throws PfsError as `getFile` does: NOT_FOUND, `missing` 'file', if the path is missing or a directory.
 */
export function readFile(
  pfs: PfsClient,
  { commit, path }: File,
  { offset = 0 }: { readonly offset?: number },
  options: CallOptions,
): AsyncIterable<Uint8Array> {
  return pfs.getFile({ file: { commit, path: anyPath }, offset, pathRange: rangeOf(path) }, options)
}
