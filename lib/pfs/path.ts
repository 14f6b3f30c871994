import { eachAtMost } from '../concurrency.js'
import type { CallOptions, Commit, File, FileInfo, PathRange, PfsClient } from './client.js'
import { PfsError } from './errors.js'

/** Appended to a path, sorts after every path with that prefix: paths are printable ASCII. */
export const afterEveryPath = '\x7f'

/** The greatest marker before every path that starts with `lower`, since markers are exclusive. */
export function markerBefore(lower: string): string {
  const last = lower.charCodeAt(lower.length - 1)
  return lower.slice(0, -1) + String.fromCharCode(last - 1) + afterEveryPath
}

/** The smallest text after every text that starts with `prefix`; '' if there is no such text. */
export function prefixEnd(prefix: string): string {
  return prefix === '' ? '' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

/** The directories above a path, nearest first, without the root and without trailing slashes. */
export function parentsOf(path: string): string[] {
  const parents: string[] = []
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    parents.push(path.slice(0, slash))
  }
  return parents
}

/*
 * InspectFile and GetFile read every path that starts with the given one: `/img-1` beside 100,000 `/img-1…` takes seconds.
 * A range of one path avoids that, but the pattern must also match later paths: pachd returns a file only when the next
 * match is beyond the range, so with a pattern of that path alone GetFile reads to the end of the commit.
 */
const anyPath = '/**'

/** The range from one path to another, or of one path: space is the smallest character that can follow a path. */
function rangeOf(first: string, last = first): PathRange {
  return { lower: first, upper: `${last} ` }
}

/**
 * The file at a path; undefined if the path is missing or a directory. The cost does not depend on neighbouring paths.
 *
 * @throws PfsError as `globFile` does, such as NOT_FOUND for a missing repo, branch or commit.
 */
export async function findFile(
  pfs: PfsClient,
  { commit, path }: File,
  options: CallOptions,
): Promise<FileInfo | undefined> {
  let found: FileInfo | undefined
  // Read to its end: leaving the stream early would reset the call.
  for await (const info of pfs.globFile({ commit, pattern: anyPath, pathRange: rangeOf(path) }, options)) found = info
  return found
}

/** Maximum paths per range; an entry costs pachd a three-hundredth of a call. */
const maxPathsOfRange = 250

/**
 * Time limit for reading a range, in milliseconds: there may be a million files between its paths. Looking up the paths one
 * by one takes pachd about as long.
 */
const rangeMilliseconds = 2000

/** Concurrent calls for paths that are looked up one by one. */
const maxCalls = 10

/** The file at a path, undefined if the path is missing or a directory, or the reason why PFS cannot read it. */
type Finding = PromiseSettledResult<FileInfo | undefined>

/**
 * Looks up the files at many paths. Neighbouring paths share a call.
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

/** The files at sorted paths, by path; undefined if that takes too long or PFS cannot read the range. */
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
 * The bytes of the file at a path from `offset` on. The cost does not depend on neighbouring paths.
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
