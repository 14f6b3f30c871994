import { type File, type FileInfo, type FileOperation, maxRawBytes } from '../pfs/client.js'
import type { Head } from './head.js'

/** A new content for a path of a branch, or its deletion. */
export interface Change {
  readonly path: string
  /** The new content; undefined deletes the path. */
  readonly content?: NewContent
  /** Called with the current file before the commit; throws to refuse the change. */
  readonly condition?: (current: FileInfo | undefined) => void | Promise<void>
  /**
   * Called in the branch's turn with its head once the change is accepted, before its commit, together with those of the
   * batch; throws to refuse the change. It is called again if the batch is tried again.
   */
  readonly prepare?: (head: Head) => Promise<void>
  /** Skips the checks: only gateways write such paths, so that a file never replaces a directory there. */
  readonly isUnchecked?: boolean
}

/**
 * Bytes in memory, optionally appended to the current file, or a file in PFS to copy; `sizeBytes` of a copy says how much
 * PFS may have to write.
 */
export type NewContent =
  | { readonly raw: Uint8Array; readonly isAppended?: boolean }
  | { readonly copyOf: File; readonly sizeBytes?: number }

/** The datum of files written without a datum. Pipelines write files with other datums. */
const defaultDatum = 'default'

/**
 * The messages that make a change: they replace a file unless its content is appended. PFS deletes only the file of the
 * given datum, or of the datum `default`, so `datum` must be that of the current file.
 */
export function operationsOf({ path, content }: Change, datum: string | undefined): FileOperation[] {
  if (content !== undefined && 'raw' in content && content.isAppended === true) {
    return [{ addFile: { path, raw: content.raw } }]
  }
  const operations: FileOperation[] = [{ deleteFile: { path } }]
  if (datum !== undefined && datum !== defaultDatum) operations.push({ deleteFile: { path, datum } })
  if (content === undefined) return operations
  if ('copyOf' in content) return [...operations, { copyFile: { dst: path, src: content.copyOf } }]
  let offset = 0
  do {
    operations.push({ addFile: { path, raw: content.raw.subarray(offset, offset + maxRawBytes) } })
    offset += maxRawBytes
  } while (offset < content.raw.length)
  return operations
}

/** PFS copies files of at least this size in bytes by reference, and writes smaller ones again, as slowly as new ones. */
const referencedBytes = 16 * 1024 * 1024

/** The bytes that PFS writes when it commits a change. */
export function bytesToWrite({ content }: Change): number {
  if (content === undefined) return 0
  return 'raw' in content ? content.raw.length : Math.min(content.sizeBytes ?? 0, referencedBytes)
}
