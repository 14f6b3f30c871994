import { eachAtMost } from '../../concurrency.js'
import { type CallOptions, type File, type FileOperation, fileSetRepo, type PfsClient } from '../../pfs/client.js'
import { checksumPath } from './staging.js'
import { type Part, readStaged, type Upload } from './upload.js'

/** Calls to PFS under way at once. */
const maxCalls = 32
/** File sets composed in one call: enough to make few calls, few enough to compose each before its time is over. */
const composedAtOnce = 500
/** PFS's own limit. */
const ttlSeconds = 1800

/** Parts joined to one file in a file set, which lives half an hour. */
export interface Joined {
  readonly file: File
  /** The checksums of the parts one after the other; empty where the upload keeps none. */
  readonly checksums: Buffer
}

const object = '/object'
const checksums = '/checksums'

/**
 * Joins parts in order without moving their bytes: a file set for each, since PFS joins several sources of one path only
 * from several file sets, and these composed.
 */
export async function joinParts(
  pfs: PfsClient,
  upload: Upload,
  parts: readonly Part[],
  options: CallOptions,
): Promise<Joined> {
  const composed: string[] = []
  for (let start = 0; start < parts.length; start += composedAtOnce) {
    const fileSetIds = await eachAtMost(maxCalls, parts.slice(start, start + composedAtOnce), (part) =>
      pfs.createFileSet(appended(upload, part), options),
    )
    composed.push(await pfs.composeFileSet({ fileSetIds, ttlSeconds }, options))
  }
  const [only, ...others] = composed
  const id =
    only !== undefined && others.length === 0
      ? only
      : await pfs.composeFileSet({ fileSetIds: composed, ttlSeconds }, options)
  const commit = { repo: fileSetRepo, id }
  const isKept = upload.id.checksum !== undefined
  return {
    file: { commit, path: object },
    checksums: isKept ? await readStaged(pfs, { commit, path: checksums }, options) : Buffer.alloc(0),
  }
}

/** The checksum goes with its part, so that those of all parts are read in one call. */
function appended({ id, commit }: Upload, { partNumber, info }: Part): FileOperation[] {
  const part: FileOperation = { copyFile: { dst: object, src: info.file, append: true } }
  if (id.checksum === undefined) return [part]
  const src = { commit, path: checksumPath(id, partNumber) }
  return [part, { copyFile: { dst: checksums, src, append: true } }]
}
