import {
  type CallOptions,
  type File,
  type FileInfo,
  type FileOperation,
  fileSetRepo,
  maxRawBytes,
  type PfsClient,
} from '../pfs/client.js'
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

const stagedPath = '/body'

/**
 * Stages a body of any length in a file set while it arrives, for a change to copy it from there. If the body throws, PFS
 * keeps nothing. The file set lives for ten minutes after the end of the body, longer than a change may wait.
 */
export async function stageBody(
  pfs: PfsClient,
  body: AsyncIterable<Uint8Array>,
  options: CallOptions,
): Promise<NewContent> {
  let sizeBytes = 0
  async function* operations(): AsyncGenerator<FileOperation> {
    for await (const raw of inPieces(body)) {
      sizeBytes += raw.length
      yield { addFile: { path: stagedPath, raw } }
    }
  }
  const id = await pfs.createFileSet(operations(), options)
  return { copyOf: { commit: { repo: fileSetRepo, id }, path: stagedPath }, sizeBytes }
}

/**
 * Copies a file of an open commit to a file set, where nobody can change it: if a source is missing, PFS silently copies
 * nothing, and the change would only delete its path.
 *
 * @throws PfsError NOT_FOUND, `missing` 'file', if the file is missing.
 */
export async function stageCopy(
  pfs: PfsClient,
  { file, sizeBytes }: FileInfo,
  options: CallOptions,
): Promise<{ readonly copyOf: File; readonly sizeBytes: number }> {
  const id = await pfs.createFileSet([{ copyFile: { dst: stagedPath, src: file } }], options)
  const staged = { commit: { repo: fileSetRepo, id }, path: stagedPath }
  // Checked by reading: pachd lets only callers with a cluster role inspect a file of a file set.
  for await (const _ of pfs.getFile({ file: staged }, options)) break
  return { copyOf: staged, sizeBytes }
}

/** Size of a piece in bytes. Each piece is in memory several times while it is sent; larger ones are hardly faster. */
const size = 256 * 1024

/**
 * Rechunks a stream into pieces of 256 KiB, the last one shorter; an empty stream becomes one empty piece. Large messages
 * cost gRPC half as much as many small ones.
 */
export async function* inPieces(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece: Uint8Array | undefined
  let filled = 0
  let empty = true
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      empty = false
      if (filled === 0 && chunk.length >= size) {
        yield chunk.subarray(0, size)
        chunk = chunk.subarray(size)
        continue
      }
      piece ??= Buffer.allocUnsafeSlow(size)
      const part = chunk.subarray(0, size - filled)
      piece.set(part, filled)
      filled += part.length
      chunk = chunk.subarray(part.length)
      if (filled === size) {
        yield piece
        piece = undefined
        filled = 0
      }
    }
  }
  if (piece !== undefined || empty) yield (piece ?? new Uint8Array()).subarray(0, filled)
}
