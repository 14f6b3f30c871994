import { LRUCache } from 'lru-cache'
import type { CallOptions, FileInfo, PathRange, PfsClient } from '../pfs/client.js'
import { smallFileHash } from '../pfs/file-hash.js'
import { anyPath, rangeOf } from '../pfs/path.js'
import { readTar } from '../pfs/tar.js'
import type { ContentCache } from './content-cache.js'

/** Maximum size of a file that is read together with others, in bytes. */
const maxFileBytes = 128 * 1024

/** Maximum bytes and files of one read. */
const maxReadBytes = 1024 * 1024
const maxReadFiles = 64

/** Time limit of one read, in milliseconds. */
const readMilliseconds = 5000

/** Maximum distance in files from the last read for a read to count as sequential. */
const reach = 32

/** Maximum cached files per listing, and in total, and maximum listings per commit. */
const maxFilesOfListing = 5000
const maxFiles = 20_000
const maxListings = 8

/** The files of consecutive pages of a listing, by path. */
interface Listed {
  readonly files: FileInfo[]
  readonly indexes: Map<string, number>
  /** The index after the last read, and the number of files for the next one. */
  next: number
  window: number
}

/** The pages of a listing have the same prefix and delimiter: any number of files may lie between those of two listings. */
export interface Listing {
  readonly prefix: string
  readonly delimiter: string
}

type Contents = Promise<ReadonlyMap<string, Uint8Array>>

/**
 * Reads ahead for clients that list a bucket and then read it in order. GetFile costs pachd fifteen milliseconds for one
 * small file, GetFileTAR twenty-five for a hundred neighbours. So a read of a listed file includes the next files; their
 * number doubles as long as the client reads in order. They are stored in the content cache, for the same caller.
 */
export class ReadAhead {
  readonly #pfs: PfsClient
  readonly #contents: ContentCache
  /** The latest listings of a caller in a commit, oldest first. */
  readonly #listed = new LRUCache<string, ReadonlyMap<string, Listed>>({
    maxSize: maxFiles,
    sizeCalculation: (listings) => [...listings.values()].reduce((sum, { files }) => sum + files.length, 1),
  })
  /** Running reads, by the names of their files. */
  readonly #running = new Map<string, Contents>()

  constructor(pfs: PfsClient, contents: ContentCache) {
    this.#pfs = pfs
    this.#contents = contents
  }

  /** Adds a page of a listing: all files between its first and its last. Ignores those of an open commit. */
  addListed(page: readonly FileInfo[], { prefix, delimiter }: Listing, authToken: string | undefined): void {
    const [first] = page
    if (!this.#contents.keepsSmallFiles || first?.committed === undefined) return
    const name = nameOf(first, authToken)
    const listings = new Map(this.#listed.get(name))
    const id = JSON.stringify([prefix, delimiter])
    const known = listings.get(id)
    const files = page.toSorted((a, b) => (a.file.path < b.file.path ? -1 : 1))
    const isNext = known !== undefined && (known.files.at(-1)?.file.path ?? '') < (files[0]?.file.path ?? '')
    const isJoined = isNext && known.files.length < maxFilesOfListing
    const all = isJoined ? [...known.files, ...files] : files
    const indexes = new Map(all.map(({ file }, index) => [file.path, index]))
    const { next, window } = isJoined ? known : { next: 0, window: 1 }
    listings.delete(id)
    listings.set(id, { files: all, indexes, next, window })
    this.#listed.set(name, new Map([...listings].slice(-maxListings)))
  }

  /** Reads a file together with its neighbours; undefined if it must be read alone. */
  async read(info: FileInfo, options: CallOptions): Promise<Uint8Array | undefined> {
    const name = nameOf(info, options.authToken)
    const { path } = info.file
    const running = this.#running.get(name + path)
    if (running !== undefined) return (await running).get(path)
    const listings = [...(this.#listed.get(name)?.values() ?? [])]
    const listed = listings.findLast(({ indexes }) => indexes.has(path))
    const index = listed?.indexes.get(path)
    if (listed === undefined || index === undefined) return undefined
    const isInOrder = Math.abs(index - listed.next) <= reach
    listed.window = isInOrder ? Math.min(listed.window * 2, maxReadFiles) : 1
    const files = takeFiles(listed.files, index, listed.window)
    listed.next = index + files.length
    if (files.length < 2) return undefined
    const contents = this.#readFiles(files, options)
    for (const { file } of files) this.#running.set(name + file.path, contents)
    try {
      return (await contents).get(path)
    } finally {
      for (const { file } of files) this.#running.delete(name + file.path)
    }
  }

  /** Reads neighbours in one call, which continues if the first file's client leaves; omits files that PFS does not return. */
  async #readFiles(files: readonly FileInfo[], { authToken, observer }: CallOptions): Contents {
    const contents = new Map<string, Uint8Array>()
    const wanted = new Map(files.map((info) => [info.file.path, info]))
    const [first, last] = [files[0], files.at(-1)]
    if (first === undefined || last === undefined) return contents
    const pathRange: PathRange = { lower: first.file.path, upper: rangeOf(last.file.path).upper }
    const signal = AbortSignal.timeout(readMilliseconds)
    const options = { observer, signal, ...(authToken !== undefined && { authToken }) }
    try {
      const archive = this.#pfs.getFileTar({ file: { commit: first.file.commit, path: anyPath }, pathRange }, options)
      for await (const { path, content } of readTar(
        limited(archive),
        (each, size) => wanted.get(each)?.sizeBytes === size,
      )) {
        const info = wanted.get(path)
        if (info === undefined || Buffer.compare(await smallFileHash(content), info.hash) !== 0) continue
        this.#contents.set(info.hash, authToken, content)
        contents.set(path, content)
      }
    } catch {
      // The files that are missing are read alone, and any error is reported there.
    }
    return contents
  }
}

/** Ends an archive with too much in it: a page with common prefixes may be missing between two pages of a listing. */
async function* limited(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of archive) {
    yield piece
    bytes += piece.length
    if (bytes > 2 * maxReadBytes) throw new Error('too many other files')
  }
}

/** A file and those after it, up to the limits; none if the first is too large. */
function takeFiles(files: readonly FileInfo[], start: number, count: number): readonly FileInfo[] {
  const taken: FileInfo[] = []
  let bytes = 0
  for (const info of files.slice(start, start + count)) {
    bytes += info.sizeBytes
    if (info.sizeBytes > maxFileBytes || bytes > maxReadBytes) break
    taken.push(info)
  }
  return taken
}

/** The caller and the commit of a file. */
function nameOf({ file: { commit } }: FileInfo, authToken: string | undefined): string {
  const { repo, id } = commit
  return JSON.stringify([repo.project, repo.name, repo.type, id, authToken])
}
