import {
  type CallOptions,
  type File,
  type FileInfo,
  type FileOperation,
  fileSetRepo,
  maxRawBytes,
  type PfsClient,
} from '../pfs/client.js'

/** A new content for one path of a branch, or its deletion. */
export interface Change {
  readonly path: string
  /** The new file; absent to delete the path. */
  readonly content?: NewContent
  /** Called with the file as it is when the change is about to be committed; throws to refuse the change. */
  readonly condition?: (current: FileInfo | undefined) => void | Promise<void>
  /** Whether only gateways write paths like this one, so that no file can be in the place of a directory. */
  readonly isUnchecked?: boolean
}

/** Bytes in memory, or a file of PFS that is copied; `sizeBytes` of a copy says how much work it may be for PFS. */
export type NewContent = { readonly raw: Uint8Array } | { readonly copyOf: File; readonly sizeBytes?: number }

/** The datum of a file that is written without one. Pipelines write files of other datums. */
const defaultDatum = 'default'

/**
 * The messages that make a change. They replace a file, and never append to one. PFS deletes only the file of the datum
 * that it is given, or of the datum `default`: `datum` is that of the current file.
 */
export function operationsOf({ path, content }: Change, datum: string | undefined): FileOperation[] {
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

/** Files of this size and above are copied by reference; PFS writes smaller ones again, which takes as long as sending them. */
const referencedBytes = 16 * 1024 * 1024

/** The bytes that PFS writes while it commits a change. */
export function bytesToWrite({ content }: Change): number {
  if (content === undefined) return 0
  return 'raw' in content ? content.raw.length : Math.min(content.sizeBytes ?? 0, referencedBytes)
}

const stagedPath = '/body'

/**
 * Sends a body of any length to PFS as it arrives, where a change can copy it from. If the body throws, PFS keeps
 * nothing. The file set lives ten minutes from the end of the body, which is longer than a change may wait.
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
 * Copies a file of an open commit to where nobody can change it: if a file is gone, PFS copies nothing and says nothing,
 * and the change would only delete its path.
 *
 * @throws PfsError NOT_FOUND, `missing` 'file', if the file is gone.
 */
export async function stageCopy(
  pfs: PfsClient,
  { file, sizeBytes }: FileInfo,
  options: CallOptions,
): Promise<NewContent> {
  const id = await pfs.createFileSet([{ copyFile: { dst: stagedPath, src: file } }], options)
  const staged = { commit: { repo: fileSetRepo, id }, path: stagedPath }
  // By its bytes: pachd lets only callers with a role on the cluster inspect a file of a file set.
  for await (const _ of pfs.getFile({ file: staged }, options)) break
  return { copyOf: staged, sizeBytes }
}

/** Bytes. Each piece is in memory a few times over on its way out; larger ones are little faster. */
const size = 256 * 1024

/**
 * The bytes of a stream in pieces of 256 KiB, the last one shorter; one empty piece for an empty stream. Few large
 * messages cost gRPC half of what many small ones do.
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
