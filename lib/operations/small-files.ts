import { LRUCache } from 'lru-cache'
import { mapWithLimit } from '../concurrency.js'
import { noteLookup } from '../diagnostics.js'
import { collect } from '../http/byte-reader.js'
import { cutTo } from '../http/range.js'
import { type BatchedLookup, createBatchedLookup } from '../pfs/batched-lookup.js'
import type { CallOptions, Commit, FileInfo, PathRange, PfsClient } from '../pfs/client.js'
import { requireHash, smallFileHash } from '../pfs/file-hash.js'
import { anyPath, rangeOf, readFile } from '../pfs/path.js'
import { RangeHistories } from '../pfs/path-lookup.js'
import { readTar } from '../pfs/tar.js'
import type { ContentCache } from './content-cache.js'

/** Maximum size of a file that is read together with others, in bytes. */
const maxFileBytes = 128 * 1024

/** Maximum bytes and files of one read. */
const maxReadBytes = 1024 * 1024
const maxReadFiles = 64

/** Maximum other files between those of one read, for each of them. */
const othersOfFile = 50

/** Concurrent calls for files that are read alone, and maximum commits of which it is remembered whether that was better. */
const maxCalls = 10
const maxHistories = 256

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

/** By the ids of files. */
type Contents = Promise<ReadonlyMap<string, Uint8Array>>

/**
 * Reads small files together: GetFile costs pachd fifteen milliseconds for one of them, GetFileTAR twenty-five for a hundred
 * neighbours. Concurrent reads are one batch. It reads ahead for clients that list a bucket and then read it in order: a
 * read of a listed file includes the next files; their number doubles as long as the client reads in order. Contents are
 * stored in the content cache, for the same caller.
 */
export class SmallFiles {
  readonly #pfs: PfsClient
  readonly #contents: ContentCache
  /** The latest listings of a caller in a commit, oldest first. */
  readonly #listed = new LRUCache<string, ReadonlyMap<string, Listed>>({
    maxSize: maxFiles,
    sizeCalculation: (listings) => [...listings.values()].reduce((sum, { files }) => sum + files.length, 1),
  })
  /** Running reads, by the names of their files. */
  readonly #running = new Map<string, Contents>()
  readonly #batches: BatchedLookup<Commit, FileInfo, Uint8Array>
  readonly #histories = new RangeHistories(maxHistories)

  constructor(pfs: PfsClient, contents: ContentCache) {
    this.#pfs = pfs
    this.#contents = contents
    this.#batches = createBatchedLookup<Commit, FileInfo, Uint8Array>(idOfCommit, async (_, infos, options) => {
      const contentsByPath = await this.#readBatch(infos, options)
      return (info) => {
        const content = contentsByPath.get(idOfFile(info))
        if (content?.status !== 'fulfilled') throw content?.reason
        return content.value
      }
    })
  }

  /** Adds a page of a listing: all files between its first and its last. Ignores those of an open commit. */
  addListed(page: readonly FileInfo[], { prefix, delimiter }: Listing, authToken: string | undefined): void {
    const [first] = page
    if (!this.#contents.keepsSmallFiles || first?.committed === undefined) return
    const name = nameOf(first, authToken)
    const listings = new Map(this.#listed.get(name))
    const id = JSON.stringify([prefix, delimiter])
    const known = listings.get(id)
    const files = page.toSorted(byPath)
    const isNext = known !== undefined && (known.files.at(-1)?.file.path ?? '') < (files[0]?.file.path ?? '')
    const isJoined = isNext && known.files.length < maxFilesOfListing
    const all = isJoined ? [...known.files, ...files] : files
    const indexes = new Map(all.map(({ file }, index) => [file.path, index]))
    const { next, window } = isJoined ? known : { next: 0, window: 1 }
    listings.delete(id)
    listings.set(id, { files: all, indexes, next, window })
    this.#listed.set(name, new Map([...listings].slice(-maxListings)))
  }

  /** The content of a file that PFS has just returned to the caller. @throws PfsError as `readFile` does */
  async read(info: FileInfo, options: CallOptions): Promise<Uint8Array> {
    if (info.sizeBytes > maxFileBytes) return this.#readAlone(info, options)
    return (await this.#readListed(info, options)) ?? this.#batches.find(info.file.commit, info, options)
  }

  /** Reads a listed file together with the next ones; undefined if the client does not read in order. */
  async #readListed(info: FileInfo, options: CallOptions): Promise<Uint8Array | undefined> {
    const name = nameOf(info, options.authToken)
    const { path } = info.file
    const running = this.#running.get(name + path)
    if (running !== undefined) return (await running).get(idOfFile(info))
    const listings = [...(this.#listed.get(name)?.values() ?? [])]
    const ofPath = listings.findLast(({ indexes }) => indexes.has(path))
    const listed = noteLookup('listings', ofPath)
    const index = listed?.indexes.get(path)
    if (listed === undefined || index === undefined) return undefined
    const isInOrder = Math.abs(index - listed.next) <= reach
    listed.window = isInOrder ? Math.min(listed.window * 2, maxReadFiles) : 1
    const [files = []] = groupsOf(listed.files.slice(index, index + listed.window))
    listed.next = index + files.length
    if (files.length < 2) return undefined
    // It continues if this client leaves: others may wait for it.
    const { signal: _, ...shared } = options
    const contents = this.#readRange(files, shared)
    for (const { file } of files) this.#running.set(name + file.path, contents)
    try {
      return (await contents).get(idOfFile(info))
    } finally {
      for (const { file } of files) this.#running.delete(name + file.path)
    }
  }

  /** Reads files of one commit: neighbours in one call, unless there is too much between them. */
  async #readBatch(
    infos: readonly FileInfo[],
    options: CallOptions,
  ): Promise<ReadonlyMap<string, PromiseSettledResult<Uint8Array>>> {
    // A path of an open commit may have had several contents meanwhile.
    const files = [...new Map(infos.map((info) => [idOfFile(info), info])).values()].sort(byPath)
    const history = this.#histories.of(files[0] === undefined ? '' : idOfCommit(files[0].file.commit))
    const isTried = files.length > 1 && history.isWorthTrying()
    const ranges = isTried ? groupsOf(files).filter(({ length }) => length > 1) : []
    const read = await mapWithLimit(maxCalls, ranges, (range) => this.#readRange(range, options))
    const together = new Map(read.flatMap((contents) => [...contents]))
    if (isTried) history.note(together.size > files.length / 2)
    const contents = await mapWithLimit(maxCalls, files, async (info) => {
      const content = together.get(idOfFile(info))
      const [settled] = await Promise.allSettled([content ?? this.#readAlone(info, options)])
      return [idOfFile(info), settled] as const
    })
    return new Map(contents)
  }

  async #readAlone(info: FileInfo, options: CallOptions): Promise<Uint8Array> {
    const { file, sizeBytes } = info
    const whole = cutTo({ start: 0, end: sizeBytes - 1 }, readFile(this.#pfs, file, {}, options), sizeBytes)
    const content = await collect(whole, sizeBytes)
    await requireHash(content, info)
    this.#contents.set(info.hash, options.authToken, content)
    return content
  }

  /** Reads neighbours in one call; omits those behind too much else, and all if PFS cannot read them. */
  async #readRange(files: readonly FileInfo[], { signal, ...options }: CallOptions): Contents {
    const contents = new Map<string, Uint8Array>()
    const wanted = new Map(files.map((info) => [info.file.path, info]))
    const [first, last] = [files[0], files.at(-1)]
    if (first === undefined || last === undefined) return contents
    const pathRange: PathRange = { lower: first.file.path, upper: rangeOf(last.file.path).upper }
    const limit = AbortSignal.timeout(readMilliseconds)
    const both = signal === undefined ? limit : AbortSignal.any([signal, limit])
    let others = 0
    const isWanted = (path: string, size: number): boolean => {
      if (wanted.get(path)?.sizeBytes === size) return true
      others += 1
      return false
    }
    try {
      const request = { file: { commit: first.file.commit, path: anyPath }, pathRange }
      const archive = this.#pfs.getFileTar(request, { ...options, signal: both })
      const isFull = (bytes: number): boolean => bytes > 2 * maxReadBytes || others > othersOfFile * files.length
      for await (const { path, content } of readTar(endIf(isFull, archive), isWanted)) {
        const info = wanted.get(path)
        if (info === undefined || Buffer.compare(await smallFileHash(content), info.hash) !== 0) continue
        this.#contents.set(info.hash, options.authToken, content)
        contents.set(idOfFile(info), content)
      }
    } catch {
      // The files that are missing are read alone, and any error is reported there.
    }
    return contents
  }
}

/** Ends an archive with too much between the wanted files. */
async function* endIf(
  isFull: (bytes: number) => boolean,
  archive: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of archive) {
    yield piece
    bytes += piece.length
    if (isFull(bytes)) throw new Error('too many other files')
  }
}

/** Groups files by read; a file that is too large ends a group and is in none. */
function groupsOf(files: readonly FileInfo[]): readonly (readonly FileInfo[])[] {
  const groups: FileInfo[][] = [[]]
  let bytes = 0
  for (const info of files) {
    const group = groups.at(-1)
    bytes += info.sizeBytes
    if (group !== undefined && info.sizeBytes <= maxFileBytes && bytes <= maxReadBytes && group.length < maxReadFiles) {
      group.push(info)
    } else {
      const isFirst = info.sizeBytes <= maxFileBytes
      groups.push(isFirst ? [info] : [])
      bytes = isFirst ? info.sizeBytes : 0
    }
  }
  return groups
}

function byPath(a: FileInfo, b: FileInfo): number {
  return a.file.path < b.file.path ? -1 : 1
}

/** The path and the content of a file. */
function idOfFile({ file, hash }: FileInfo): string {
  return `${file.path}/${Buffer.from(hash).toString('hex')}`
}

function idOfCommit({ repo, id }: Commit): string {
  return JSON.stringify([repo.project, repo.name, repo.type, id])
}

/** The caller and the commit of a file. */
function nameOf({ file: { commit } }: FileInfo, authToken: string | undefined): string {
  return JSON.stringify([idOfCommit(commit), authToken])
}
