import { once } from 'node:events'
import { Header, Parser, Pax } from 'tar'

/** A regular file of a TAR archive. */
export interface TarFile {
  /** Absolute, as in PFS. */
  readonly path: string
  readonly content: Buffer
}

/**
 * The regular files of a TAR archive, one after the other, each whole: for archives of small files.
 *
 * @throws Error if the archive is damaged or ends early
 */
export async function* readTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarFile> {
  const files: TarFile[] = []
  let failure: Error | undefined
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const pieces: Buffer[] = []
      entry.on('data', (piece) => pieces.push(Buffer.from(piece)))
      entry.on('end', () => {
        if (entry.type === 'File') files.push({ path: absolute(entry.path), content: Buffer.concat(pieces) })
      })
    },
  })
  parser.on('error', (error: Error) => {
    failure = error
  })
  for await (const piece of archive) {
    parser.write(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
    if (failure !== undefined) throw failure
    yield* files.splice(0)
  }
  const ended = once(parser, 'end')
  parser.end()
  await ended
  if (failure !== undefined) throw failure
  yield* files.splice(0)
}

/** A file of an archive as it stands there: its headers, the bytes, and zeros up to the next block. */
export function tarFile(path: string, content: Buffer): Buffer {
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return Buffer.concat([tarHeader(path, content.length, 'File'), content, padding])
}

/** A directory of an archive; its path ends in a slash. */
export function tarDirectory(path: string): Buffer {
  return tarHeader(path, 0, 'Directory')
}

/** The end of an archive. */
export const tarEnd: Buffer = Buffer.alloc(1024)

/** A path that is too long for the header goes into an extended header before it. */
function tarHeader(path: string, size: number, type: 'File' | 'Directory'): Buffer {
  const header = new Header({ path: path.slice(0, 99), size, type, mode: 0o644 })
  header.encode()
  const extended = path.length > 99 ? new Pax({ path, size }).encode() : Buffer.alloc(0)
  return Buffer.concat([extended, header.block ?? Buffer.alloc(0)])
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
