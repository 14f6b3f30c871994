import { LRUCache } from 'lru-cache'
import { mapWithLimit } from '../../concurrency.js'
import { noteLookup } from '../../diagnostics.js'
import {
  type CallOptions,
  type File,
  type FileOperation,
  fileSetRepo,
  type PfsClient,
  repoId,
} from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import type { Part } from './parts.js'

/**
 * File sets composed in one call. PFS reads a composed file in time that grows with the square of the number of its file
 * sets: six hundred take 13 s, a hundred 0.4 s, which is less than another copy of their bytes.
 */
const fanIn = 100

/** Concurrent calls: pachd has this many connections to its database. */
const maxCalls = 10

/** PFS's own limit, so that a composed file set outlives the joining of 10,000 parts. */
const ttlSeconds = 1800

/** The path of a part in the file set in which it is staged, and of the object in the file set of joined parts. */
export const stagedPart = '/part'

/** Maximum cached parts. */
const maxStaged = 20_000

/** How long a part is cached, in milliseconds: PFS keeps its file set for ten minutes. */
const stagedMilliseconds = 8 * 60_000

/**
 * The file sets of the parts that this process has stored. Joining those spares a copy of each part out of the staging
 * branch, which for parts below about 8 MiB takes PFS as long as storing them.
 */
export class StagedParts {
  readonly #parts = new LRUCache<string, { readonly etag: string; readonly fileSetId: string }>({
    // `max` would allocate all entries at once.
    maxSize: maxStaged,
    sizeCalculation: () => 1,
    ttl: stagedMilliseconds,
  })

  /** `file` is the part on the staging branch. */
  add(file: File, etag: string, fileSetId: string): void {
    this.#parts.set(nameOf(file), { etag, fileSetId })
  }

  /** The file set of a part; undefined if another process has stored the part or replaced it. */
  find({ info, etag }: Part): string | undefined {
    const part = this.#parts.get(nameOf(info.file))
    return noteLookup('parts', part?.etag === etag ? part.fileSetId : undefined)
  }
}

/** With the repo: a caller who knows the id of an upload to another repo could use its parts here. */
function nameOf({ commit: { repo }, path }: File): string {
  return `${repoId(repo)}${path}`
}

/** A piece of the joined file: a file set with the piece at `stagedPart`, or a file to copy. */
type Piece = { readonly fileSetId: string } | { readonly file: File }

/**
 * Joins parts in order without moving their bytes through the gateway. PFS concatenates files of the same path only from
 * different file sets: so each piece is put into a file set, a hundred of those are composed, and the composed files are the
 * pieces of the next layer. The number of calls is linear in the number of parts, and the result can be copied as cheaply
 * as a file that was written at once. It lives for at least ten minutes.
 */
export async function joinParts(
  pfs: PfsClient,
  parts: readonly Part[],
  staged: StagedParts,
  options: CallOptions,
): Promise<File> {
  const pieces = parts.map((part): Piece => {
    // A part alone is copied from the branch: its file set may end before the copy is committed.
    const fileSetId = parts.length === 1 ? undefined : staged.find(part)
    return fileSetId === undefined ? { file: part.info.file } : { fileSetId }
  })
  try {
    return await joinPieces(pfs, pieces, options)
  } catch (reason) {
    const isRefused = reason instanceof PfsError && reason.isDefinite
    if (!isRefused || pieces.every((piece) => 'file' in piece)) throw reason
    // PFS may have dropped a file set before its time.
    return joinPieces(
      pfs,
      parts.map(({ info }) => ({ file: info.file })),
      options,
    )
  }
}

async function joinPieces(pfs: PfsClient, first: readonly Piece[], options: CallOptions): Promise<File> {
  const fileSetOf = async (piece: Piece): Promise<string> =>
    'fileSetId' in piece ? piece.fileSetId : pfs.createFileSet([append(piece.file)], options)
  let pieces = first
  while (pieces.length > 1) {
    const groups = Array.from({ length: Math.ceil(pieces.length / fanIn) }, (_, index) =>
      pieces.slice(index * fanIn, (index + 1) * fanIn),
    )
    const layer: Piece[] = []
    for (const group of groups) {
      const fileSetIds = await mapWithLimit(maxCalls, group, fileSetOf)
      layer.push({ file: joinedIn(await pfs.composeFileSet({ fileSetIds, ttlSeconds }, options)) })
    }
    pieces = layer
  }
  const [whole] = pieces
  if (whole === undefined) throw new Error('no parts to join')
  return joinedIn(await fileSetOf(whole))
}

function joinedIn(fileSetId: string): File {
  return { commit: { repo: fileSetRepo, id: fileSetId }, path: stagedPart }
}

/** The message that puts the next piece of the joined file into a file set. */
function append(src: File): FileOperation {
  return { copyFile: { dst: stagedPart, src, append: true } }
}
