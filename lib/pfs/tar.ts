import { once } from 'node:events'
import { Header, Parser, Pax } from 'tar'
import { yieldTurn } from '../concurrency.js'
import { asBuffer } from '../encoding.js'

/** A regular file of a TAR archive. */
export interface TarFile {
  /** Absolute, as in PFS. */
  readonly path: string
  readonly content: Buffer
}

/** Bytes to parse at a time: PFS sends up to 20 MiB, which would be copied in one turn of the event loop. */
const sliceBytes = 256 * 1024

/**
 * Reads the regular files of a TAR archive of small files, one after the other, each into memory. Files that are not
 * wanted, by path and size in bytes, are skipped and take no memory.
 *
 * @throws Error if the archive is damaged or truncated.
 */
export async function* readTar(
  archive: AsyncIterable<Uint8Array>,
  isWanted: (path: string, size: number) => boolean = () => true,
): AsyncGenerator<TarFile> {
  const files: TarFile[] = []
  let failure: Error | undefined
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const path = absolute(entry.path)
      if (entry.type !== 'File' || !isWanted(path, entry.size)) {
        entry.resume()
        return
      }
      const pieces: Buffer[] = []
      entry.on('data', (piece) => pieces.push(Buffer.from(piece)))
      entry.on('end', () => files.push({ path, content: Buffer.concat(pieces) }))
    },
  })
  parser.on('error', (error: Error) => {
    failure = error
  })
  for await (const piece of archive) {
    for (let start = 0; start < piece.length; start += sliceBytes) {
      parser.write(asBuffer(piece.subarray(start, start + sliceBytes)))
      if (failure !== undefined) throw failure
      yield* files.splice(0)
      await yieldTurn()
    }
  }
  const ended = once(parser, 'end')
  parser.end()
  await ended
  if (failure !== undefined) throw failure
  yield* files.splice(0)
}

/** A file as it is stored in an archive: header, content, and zeros up to the next block. */
export function tarFile(path: string, content: Buffer): Buffer {
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([tarHeader(path, content.length, 'File'), content, padding])
}

/** A directory of an archive; its path ends with a slash. */
export function tarDirectory(path: string): Buffer {
  return tarHeader(path, 0, 'Directory')
}

/** The end of an archive. */
export const tarEnd: Buffer = Buffer.alloc(1024)

/** A path that is too long for the header is stored in an extended header before it. */
function tarHeader(path: string, size: number, type: 'File' | 'Directory'): Buffer {
  const header = new Header({ path: path.slice(0, 99), size, type, mode: 0o644 })
  header.encode()
  const extended = path.length > 99 ? new Pax({ path, size }).encode() : Buffer.alloc(0)
  return Buffer.concat([extended, header.block ?? Buffer.alloc(0)])
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
