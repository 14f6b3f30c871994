import { Header, Pax } from 'tar'
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

/** Size of a block in bytes: a header is one, and content is padded to whole ones. */
const blockBytes = 512

/** Maximum size of an extended header in bytes; a path in it may have 200,000. */
const maxExtendedBytes = 1024 * 1024

/** An entry of an archive that is being read. */
interface Entry {
  readonly type: string
  readonly path: string
  /** The content so far; undefined if it is skipped. */
  readonly pieces: Buffer[] | undefined
  /** Remaining bytes of the content, and of its last block after it. */
  left: number
  padding: number
}

/**
 * Reads the regular files of a TAR archive of small files, one after the other, each into memory. Files that are not
 * wanted, by path and size in bytes, are skipped and take no memory. Faster than the parser of the package `tar`, which makes
 * a stream of each file.
 *
 * @throws Error if the archive is damaged or truncated.
 */
export async function* readTar(
  archive: AsyncIterable<Uint8Array>,
  isWanted: (path: string, size: number) => boolean = () => true,
): AsyncGenerator<TarFile> {
  const parser = new TarParser(isWanted)
  for await (const piece of archive) {
    for (let start = 0; start < piece.length; start += sliceBytes) {
      yield* parser.parse(asBuffer(piece.subarray(start, start + sliceBytes)))
      await yieldTurn()
    }
  }
  parser.end()
}

class TarParser {
  readonly #isWanted: (path: string, size: number) => boolean
  /** The beginning of a header. */
  #rest = Buffer.alloc(0)
  #entry: Entry | undefined
  /** Fields that replace those of the next header. */
  #extended: Pax | undefined

  constructor(isWanted: (path: string, size: number) => boolean) {
    this.#isWanted = isWanted
  }

  /** Parses the next bytes; returns the files that they complete. */
  parse(bytes: Buffer): TarFile[] {
    const files: TarFile[] = []
    const data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let offset = 0
    while (offset < data.length) {
      if (this.#entry === undefined) {
        if (data.length - offset < blockBytes) break
        this.#entry = this.#entryOf(data, offset)
        offset += blockBytes
      } else offset += this.#read(this.#entry, data.subarray(offset))
      if (this.#entry !== undefined && this.#entry.left + this.#entry.padding === 0) {
        const file = this.#finish(this.#entry)
        if (file !== undefined) files.push(file)
      }
    }
    // Copied: a view would keep the whole message of PFS in memory.
    this.#rest = Buffer.from(data.subarray(offset))
    return files
  }

  end(): void {
    if (this.#entry !== undefined || this.#rest.length > 0) throw new Error('the TAR archive is truncated')
  }

  #entryOf(data: Buffer, offset: number): Entry | undefined {
    const header = new Header(data, offset, this.#extended)
    // The archive ends with blocks of zeros.
    if (header.nullBlock) return undefined
    const { type, path = '', size = 0 } = header
    const isExtended = type === 'ExtendedHeader'
    if (!header.cksumValid || (isExtended && size > maxExtendedBytes)) throw new Error('the TAR archive is damaged')
    const name = absolute(path)
    const isKept = isExtended || (type === 'File' && this.#isWanted(name, size))
    const padding = (blockBytes - (size % blockBytes)) % blockBytes
    return { type, path: name, pieces: isKept ? [] : undefined, left: size, padding }
  }

  /** Reads content; returns the number of bytes that belong to the entry. */
  #read(entry: Entry, data: Buffer): number {
    const content = data.subarray(0, entry.left)
    entry.pieces?.push(Buffer.from(content))
    entry.left -= content.length
    const padding = Math.min(entry.padding, data.length - content.length)
    if (entry.left === 0) entry.padding -= padding
    return content.length + (entry.left === 0 ? padding : 0)
  }

  #finish({ type, path, pieces }: Entry): TarFile | undefined {
    this.#entry = undefined
    this.#extended = undefined
    if (pieces === undefined) return undefined
    const content = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
    if (type === 'File') return { path, content }
    this.#extended = Pax.parse(content.toString())
    return undefined
  }
}

/** A file as it is stored in an archive: header, content, and zeros up to the next block. */
export function tarFile(path: string, content: Buffer): Buffer {
  const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes)
  return Buffer.concat([tarHeader(path, content.length, 'File'), content, padding])
}

/** A directory of an archive; its path ends with a slash. */
export function tarDirectory(path: string): Buffer {
  return tarHeader(path, 0, 'Directory')
}

/** The end of an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes)

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
