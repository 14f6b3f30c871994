import type { CallOptions, File, FileInfo, PathRange, PfsClient } from './client.js'

/*
 * InspectFile and GetFile read every path that begins with the one asked for: `/img-1` beside 100,000 `/img-1…` costs
 * seconds. A range that holds one path does not, if the pattern also matches what follows: pachd hands a file on when the
 * next match is beyond the range, so with a pattern of that path alone GetFile reads to the end of the commit.
 */
const anyPath = '/**'

/** The range of one path: space is the least character that a longer path can have there. */
function rangeOf(path: string): PathRange {
  return { lower: path, upper: `${path} ` }
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
