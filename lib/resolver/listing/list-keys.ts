import type { CallOptions, Commit, FileInfo, PfsClient } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { compareBytes } from '../byte-order.js'
import type { KeyCodec } from '../key.js'
import type { KeyRange } from './key-range.js'
import { type KeyStream, openKeyStream } from './key-stream.js'
import { createPathReader } from './path-reader.js'

/** An object, or a common prefix of several. */
export type Listed =
  | { readonly kind: 'object'; readonly key: string; readonly info: FileInfo }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** What of a bucket is listed, in the words of ListObjects. */
export interface ListQuery {
  /** '' for none. */
  readonly prefix: string
  /** '' for none. */
  readonly delimiter: string
  /** Only keys behind it in byte order, and if it is a common prefix of this query, only keys not below it. */
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
  readonly options: CallOptions
}

/** Reads one page; a repo, branch or commit that is not there is thrown as PFS does. */
export async function listKeys(source: ListSource, query: ListQuery): Promise<ListPage> {
  const { prefix, after, limit } = query
  const entries: Listed[] = []
  let group = groupOf(after, query)
  if (group !== undefined && group !== after && (await hasKeyBehind(source, group, after))) {
    entries.push({ kind: 'prefix', prefix: group })
  }
  const [exact, stream] = await Promise.all([readExact(source, query), openStream(source, query, group)])
  if (exact !== undefined) entries.push({ kind: 'object', key: prefix, info: exact })
  while (entries.length <= limit) {
    const found = await stream.next(limit + 1 - entries.length, group)
    if (found === undefined) break
    group = groupOf(found.key, query)
    entries.push(group === undefined ? { kind: 'object', ...found } : { kind: 'prefix', prefix: group })
  }
  return { entries: entries.slice(0, limit), isTruncated: entries.length > limit }
}

async function hasKeyBehind(source: ListSource, prefix: string, after: string): Promise<boolean> {
  const { entries } = await listKeys(source, { prefix, delimiter: '', after, limit: 1 })
  return entries.length > 0
}

function openStream(source: ListSource, query: ListQuery, group: string | undefined): Promise<KeyStream> {
  const { keys } = source
  const { prefix, delimiter, after, limit } = query
  const isBehind = compareBytes(after, prefix) >= 0
  const isEmpty = isBehind && !after.startsWith(prefix)
  const directory = isEmpty ? undefined : keys.directoryFromPrefix(prefix)
  const depth = delimiter === '/' ? 'children' : 'below'
  return openKeyStream(
    {
      reader: createPathReader({ ...source, directory: directory ?? '/', depth }),
      range: { keys, prefix, ...startOf(prefix, after, group) },
      directory: directory === undefined ? undefined : { path: directory, key: keys.prefixFromDirectory(directory) },
      hasDirectories: depth === 'children',
    },
    limit + 1,
  )
}

function startOf(prefix: string, after: string, group: string | undefined): Pick<KeyRange, 'from' | 'mode'> {
  if (group !== undefined) return { from: group, mode: 'behind-all' }
  return after.startsWith(prefix) && after !== '' ? { from: after, mode: 'behind' } : { from: prefix, mode: 'at' }
}

/** The object whose key is the prefix itself, where that lies apart from all longer keys: `dir/`, beside its directory. */
async function readExact(source: ListSource, { prefix, after }: ListQuery): Promise<FileInfo | undefined> {
  const { pfs, commit, keys, options } = source
  const directory = keys.directoryFromPrefix(prefix)
  if (!keys.hasEscapes || directory === undefined || prefix === '' || compareBytes(after, prefix) >= 0) return undefined
  const path = keys.pathFromKey(prefix)
  if (path.startsWith(directory)) return undefined
  try {
    const info = await pfs.inspectFile({ commit, path }, options)
    return info.fileType === 'FILE' ? info : undefined
  } catch (error) {
    if (error instanceof PfsError && error.missing === 'file') return undefined
    throw error
  }
}

/** The common prefix to which a key belongs, if it does. */
function groupOf(key: string, { prefix, delimiter }: ListQuery): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined
  const found = key.indexOf(delimiter, prefix.length)
  return found < 0 ? undefined : key.slice(0, found + delimiter.length)
}
