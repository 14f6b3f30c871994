import { eachAtMost } from '../../concurrency.js'
import { type CallOptions, type File, type FileOperation, fileSetRepo, type PfsClient } from '../../pfs/client.js'
import { checksumPath } from './staging.js'
import { type Part, readStaged, type Upload } from './upload.js'

/**
 * File sets composed in one call. PFS reads a composed file in time that grows faster than the number of its file sets:
 * a thousand in two minutes, ten in less than a second.
 */
const fanIn = 10

/** Groups that are joined at once, so thirty calls. */
const maxGroups = 3

/** PFS's own limit, so that a composed file set outlives the joining of 10,000 parts. */
const ttlSeconds = 1800

/** Parts joined to one file in a file set that lives at least ten minutes. */
export interface Joined {
  readonly file: File
  /** The checksums of the parts one after the other; empty if the upload keeps none. */
  readonly checksums: Buffer
}

const object = '/object'
const checksums = '/checksums'

/** The messages that put the next piece of a joined file into a file set. */
type Piece = readonly FileOperation[]

/**
 * Joins parts in order without moving their bytes through the gateway. PFS joins sources of one path only from several
 * file sets: so each piece goes into a file set of its own, ten of those are composed, and the ten composed files are
 * the pieces of the next layer. The calls are linear in the number of parts, and the last file set is copied as cheaply
 * as a file that was written at once.
 */
export async function joinParts(
  pfs: PfsClient,
  upload: Upload,
  parts: readonly Part[],
  options: CallOptions,
): Promise<Joined> {
  const isKept = upload.id.checksum !== undefined
  let pieces: readonly Piece[] = parts.map((part) => pieceFromPart(upload, part))
  while (pieces.length > 1) {
    const groups = Array.from({ length: Math.ceil(pieces.length / fanIn) }, (_, index) =>
      pieces.slice(index * fanIn, (index + 1) * fanIn),
    )
    pieces = await eachAtMost(maxGroups, groups, async (group) => {
      const fileSetIds = await eachAtMost(fanIn, group, (piece) => pfs.createFileSet(piece, options))
      return pieceFromFileSet(await pfs.composeFileSet({ fileSetIds, ttlSeconds }, options), isKept)
    })
  }
  const commit = { repo: fileSetRepo, id: await pfs.createFileSet(pieces[0] ?? [], options) }
  return {
    file: { commit, path: object },
    checksums: isKept ? await readStaged(pfs, { commit, path: checksums }, options) : Buffer.alloc(0),
  }
}

/** The checksum goes with its part, so that those of all parts are read in one call. */
function pieceFromPart({ id, commit }: Upload, { partNumber, info }: Part): Piece {
  const part = append(object, info.file)
  return id.checksum === undefined ? [part] : [part, append(checksums, { commit, path: checksumPath(id, partNumber) })]
}

function pieceFromFileSet(id: string, withChecksums: boolean): Piece {
  const commit = { repo: fileSetRepo, id }
  const part = append(object, { commit, path: object })
  return withChecksums ? [part, append(checksums, { commit, path: checksums })] : [part]
}

function append(dst: string, src: File): FileOperation {
  return { copyFile: { dst, src, append: true } }
}
