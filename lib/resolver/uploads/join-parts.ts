import { mapWithLimit } from '../../concurrency.js'
import { type CallOptions, type File, type FileOperation, fileSetRepo, type PfsClient } from '../../pfs/client.js'
import type { Part } from './parts.js'

/**
 * File sets composed in one call. The time that PFS takes to read a composed file grows faster than the number of its
 * file sets: two minutes for a thousand, less than a second for ten.
 */
const fanIn = 10

/** Groups that are joined concurrently: thirty calls. */
const maxGroups = 3

/** PFS's maximum, so that a composed file set outlives the joining of 10,000 parts. */
const ttlSeconds = 1800

const object = '/object'

/**
 * Joins parts in order without moving their bytes through the gateway. PFS concatenates files of the same path only from
 * different file sets. So each piece is put into a file set, ten of those are composed, and the ten-fold files are the
 * pieces of the next layer. The number of calls is linear in the number of parts, and the result can be copied as cheaply
 * as a file that was written at once. It lives for at least ten minutes.
 */
export async function joinParts(pfs: PfsClient, parts: readonly Part[], options: CallOptions): Promise<File> {
  let pieces = parts.map(({ info }) => append(info.file))
  while (pieces.length > 1) {
    const groups = Array.from({ length: Math.ceil(pieces.length / fanIn) }, (_, index) =>
      pieces.slice(index * fanIn, (index + 1) * fanIn),
    )
    pieces = await mapWithLimit(maxGroups, groups, async (group) => {
      const fileSetIds = await mapWithLimit(fanIn, group, (piece) => pfs.createFileSet([piece], options))
      return append(joinedIn(await pfs.composeFileSet({ fileSetIds, ttlSeconds }, options)))
    })
  }
  return joinedIn(await pfs.createFileSet(pieces.slice(0, 1), options))
}

function joinedIn(fileSetId: string): File {
  return { commit: { repo: fileSetRepo, id: fileSetId }, path: object }
}

/** Appends the next piece of the joined file to a file set. */
function append(src: File): FileOperation {
  return { copyFile: { dst: object, src, append: true } }
}
