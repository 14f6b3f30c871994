import type { CallOptions, PfsClient } from '../../pfs/client.js'
import { isMissing } from '../../pfs/errors.js'
import { afterEveryPath } from '../../pfs/path.js'
import type { Bucket } from '../bucket-name.js'
import { commonPrefixOf, type Grouping } from '../key-order.js'
import { hexFromKey, stagingCommit, type UploadId, uploadFrom, uploadsDirectory } from './staging.js'

/** An upload, or a common prefix of several keys. */
export type ListedUpload =
  | { readonly kind: 'upload'; readonly key: string; readonly id: UploadId }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** Which uploads to list, in the terms of ListMultipartUploads. */
export interface UploadQuery extends Grouping {
  /** Lists only keys after this one; if it is in a common prefix, only keys after that prefix. '' lists all. */
  readonly keyMarker: string
  /** Also lists the uploads of `keyMarker` itself that come after this one. */
  readonly uploadIdMarker: UploadId | undefined
  /** At least 1. */
  readonly limit: number
}

/** Sorted by key in byte order, then by age. */
export interface UploadPage {
  readonly entries: readonly ListedUpload[]
  /** Whether there are more uploads. */
  readonly isTruncated: boolean
}

/** Reads one page; each common prefix costs one more call, however many uploads it contains. */
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

  /** Reads up to a common prefix and returns where to continue; undefined at the end. */
  const readFrom = async (name: string): Promise<string | undefined> => {
    // With a marker, PFS would scan everything that is staged after it.
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
    // The branch does not exist before the first upload.
    if (!isMissing(error)) throw error
  }
  return { entries: entries.slice(0, limit), isTruncated: entries.length > limit }
}

/** The file name after which the page starts. */
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
