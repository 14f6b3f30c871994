import type { CallOptions, Commit, FileInfo, PfsClient } from '../../pfs/client.js'
import { findFile } from '../../pfs/exact-path.js'
import { compareBytes } from '../byte-order.js'
import { commonPrefixOf, type Grouping, lastName } from '../common-prefix.js'
import type { KeyCodec } from '../key.js'
import type { KeyRange } from './key-range.js'
import { type KeyStream, openKeyStream } from './key-stream.js'
import type { PageMemory } from './known-paths.js'
import { createPathReader, type PathReader } from './path-reader.js'

/** An object, or a common prefix of several. */
export type Listed =
  | { readonly kind: 'object'; readonly key: string; readonly info: FileInfo }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** What of a bucket is listed, in the words of ListObjects. */
export interface ListQuery extends Grouping {
  /** Only keys after it; where it is a common prefix, only keys after all that begin with it. */
  readonly after: string
  /** At least 1. */
  readonly limit: number
}

/** In byte order, each once. */
export interface ListPage {
  readonly entries: readonly Listed[]
  /** Whether there is one more. */
  readonly isTruncated: boolean
}

/** Whose keys are listed, and as whom PFS is asked. */
export interface ListSource {
  readonly pfs: PfsClient
  readonly commit: Commit
  readonly keys: KeyCodec
  readonly pages: PageMemory
  readonly options: CallOptions
}

/** Reads one page; a repo, branch or commit that is not there is thrown as PFS does. */
export async function listKeys(source: ListSource, query: ListQuery): Promise<ListPage> {
  const { prefix, after, limit } = query
  const entries: Listed[] = []
  let group = commonPrefixOf(after, query)
  if (group !== undefined && group !== after && (await hasKeyBehind(source, group, after))) {
    entries.push({ kind: 'prefix', prefix: group })
  }
  const reader = createReader(source, query)
  const [exact, stream] = await Promise.all([readExact(source, query, reader), openStream(source, query, reader)])
  if (exact !== undefined) entries.push({ kind: 'object', key: prefix, info: exact })
  while (entries.length <= limit) {
    const found = await stream.next(limit + 1 - entries.length, group)
    if (found === undefined) return { entries, isTruncated: false }
    group = commonPrefixOf(found.key, query)
    entries.push(group === undefined ? { kind: 'object', ...found } : { kind: 'prefix', prefix: group })
  }
  const page = { entries: entries.slice(0, limit), isTruncated: true }
  const next = { ...query, after: lastName(page.entries) ?? '' }
  const { commit, isOpen } = await reader.settle()
  if (!isOpen) source.pages.remember(commit, next.after, stream.knownFor(rangeOf(source, next)))
  return page
}

async function hasKeyBehind(source: ListSource, prefix: string, after: string): Promise<boolean> {
  const { entries } = await listKeys(source, { prefix, delimiter: '', after, limit: 1 })
  return entries.length > 0
}

function createReader(source: ListSource, query: ListQuery): PathReader {
  const depth = query.delimiter === '/' ? 'children' : 'below'
  const isFirstPage = rangeOf(source, query).mode === 'at'
  return createPathReader({ ...source, directory: directoryOf(source, query) ?? '/', depth, isFirstPage })
}

function openStream(source: ListSource, query: ListQuery, reader: PathReader): Promise<KeyStream> {
  const path = directoryOf(source, query)
  return openKeyStream(
    {
      reader,
      range: rangeOf(source, query),
      directory: path === undefined ? undefined : { path, key: source.keys.prefixFromDirectory(path) },
      hasDirectories: query.delimiter === '/',
      recall: (commit) => source.pages.recall(commit, query.after),
    },
    query.limit + 1,
  )
}

/** The directory in which the keys are, with its slash; undefined where there can be none. */
function directoryOf({ keys }: ListSource, { prefix, after }: ListQuery): string | undefined {
  const isBehindAll = compareBytes(after, prefix) > 0 && !after.startsWith(prefix)
  return isBehindAll ? undefined : keys.directoryFromPrefix(prefix)
}

function rangeOf({ keys }: ListSource, query: ListQuery): KeyRange {
  const { prefix, after } = query
  const group = commonPrefixOf(after, query)
  if (group !== undefined) return { keys, prefix, from: group, mode: 'behind-all' }
  if (after === '' || !after.startsWith(prefix)) return { keys, prefix, from: prefix, mode: 'at' }
  return { keys, prefix, from: after, mode: 'behind' }
}

/** The object whose key is the prefix itself, where that lies apart from all longer keys: `dir/`, beside its directory. */
async function readExact(
  { pfs, keys, options }: ListSource,
  { prefix, after }: ListQuery,
  reader: PathReader,
): Promise<FileInfo | undefined> {
  const directory = keys.directoryFromPrefix(prefix)
  if (!keys.hasEscapes || directory === undefined || prefix === '' || compareBytes(after, prefix) >= 0) return undefined
  const path = keys.pathFromKey(prefix)
  if (path.startsWith(directory)) return undefined
  const { commit } = await reader.settle()
  return findFile(pfs, { commit, path }, options)
}
