import {
  type CallOptions,
  type File,
  type FileInfo,
  type FileOperation,
  fileSetRepo,
  type PfsClient,
} from '../pfs/client.js'
import type { NewContent } from './change.js'

/** The path of a staged content in its file set. */
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

/** Each piece is in memory several times while it is sent; larger ones are hardly faster. */
const pieceBytes = 256 * 1024

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
      if (filled === 0 && chunk.length >= pieceBytes) {
        yield chunk.subarray(0, pieceBytes)
        chunk = chunk.subarray(pieceBytes)
        continue
      }
      piece ??= Buffer.allocUnsafeSlow(pieceBytes)
      const part = chunk.subarray(0, pieceBytes - filled)
      piece.set(part, filled)
      filled += part.length
      chunk = chunk.subarray(part.length)
      if (filled === pieceBytes) {
        yield piece
        piece = undefined
        filled = 0
      }
    }
  }
  if (piece !== undefined || empty) yield (piece ?? new Uint8Array()).subarray(0, filled)
}
