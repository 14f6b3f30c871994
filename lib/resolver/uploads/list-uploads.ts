import type { CallOptions, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { afterEveryPath } from '../../pfs/path.js'
import type { Bucket } from '../bucket-name.js'
import { commonPrefixOf, type Grouping } from '../key-order.js'
import { hexFromKey, stagingCommit, type UploadId, uploadFrom, uploadsDirectory } from './staging.js'

/** An upload, or a common prefix of the keys of several. */
export type ListedUpload =
  | { readonly kind: 'upload'; readonly key: string; readonly id: UploadId }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** Which uploads to a bucket are listed, in the words of ListMultipartUploads. */
export interface UploadQuery extends Grouping {
  /** Only keys after it, or after its whole common prefix if it is in one; '' for none. */
  readonly keyMarker: string
  /** Also this key's own uploads behind this one. */
  readonly uploadIdMarker: UploadId | undefined
  /** At least 1. */
  readonly limit: number
}

/** In byte order of keys, then by age. */
export interface UploadPage {
  readonly entries: readonly ListedUpload[]
  /** Whether there is one more. */
  readonly isTruncated: boolean
}

/** Reads one page; a common prefix costs one call more, whatever is behind it. */
export async function listUploads(
  pfs: PfsClient,
  bucket: Bucket,
  query: UploadQuery,
  options: CallOptions,
): Promise<UploadPage> {
  const { prefix, limit } = query
  const directory = uploadsDirectory(bucket)
  const file = { commit: stagingCommit(bucket.branch.repo), path: directory }
  const entries: ListedUpload[] = []

  /** Reads up to a common prefix, and says where to go on behind it; undefined at the end. */
  const readFrom = async (name: string): Promise<string | undefined> => {
    // Behind a marker PFS would look on through all that is staged.
    const marker = name === '' ? {} : { paginationMarker: directory + name }
    const page = { file, number: limit + 1 - entries.length, ...marker }
    for await (const info of pfs.listFile(page, options)) {
      const upload = uploadFrom(info.file.path)
      if (upload === undefined) continue
      if (!upload.key.startsWith(prefix)) return undefined
      const group = commonPrefixOf(upload.key, query)
      if (group !== undefined) {
        entries.push({ kind: 'prefix', prefix: group })
        return hexFromKey(group) + afterEveryPath
      }
      entries.push({ kind: 'upload', ...upload })
    }
    return undefined
  }

  let name: string | undefined = firstName(query)
  try {
    while (name !== undefined && entries.length <= limit) name = await readFrom(name)
  } catch (error) {
    // The first upload makes the branch.
    if (!isMissing(error)) throw error
  }
  return { entries: entries.slice(0, limit), isTruncated: entries.length > limit }
}

/** The file name behind which the page begins. */
function firstName(query: UploadQuery): string {
  const { prefix, keyMarker, uploadIdMarker } = query
  const start = hexFromKey(prefix)
  if (keyMarker === '') return start
  const group = commonPrefixOf(keyMarker, query)
  const marker = hexFromKey(group ?? keyMarker)
  const behind = group === undefined ? `${marker}.${uploadIdMarker?.text ?? afterEveryPath}` : marker + afterEveryPath
  if (behind < start) return start
  return behind
}
