import type { File, FileInfo, FileOperation } from '../pfs/client.js'
import { maxRawBytes } from '../pfs/client.js'

/** What one path of a branch is to become. */
export interface Change {
  readonly path: string
  /** The new file, or undefined to delete the path. */
  readonly content?: NewContent
  /** Held against the file as it is when the change's turn has come; throws to refuse the change. */
  readonly condition?: (current: FileInfo | undefined) => void
}

/** Bytes that are in memory, or a file of PFS whose bytes are not moved. */
export type NewContent = { readonly raw: Uint8Array } | { readonly copyOf: File }

/** The messages that make a change; a file is replaced, never appended to. */
export function operationsOf(change: Change): FileOperation[] {
  const { path, content } = change
  const deleteFile = { deleteFile: { path } }
  if (content === undefined) return [deleteFile]
  if ('copyOf' in content) return [deleteFile, { copyFile: { dst: path, src: content.copyOf } }]
  const operations: FileOperation[] = [deleteFile]
  let offset = 0
  do {
    operations.push({ addFile: { path, raw: content.raw.subarray(offset, offset + maxRawBytes) } })
    offset += maxRawBytes
  } while (offset < content.raw.length)
  return operations
}
