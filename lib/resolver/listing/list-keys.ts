import type { CallOptions, Commit, FileInfo, PfsClient } from '../../pfs/client.js'
import { afterEveryPath, findFile } from '../../pfs/path.js'
import type { KeyCodec } from '../key.js'
import { afterEveryCharacter, commonPrefixOf, compareBytes, type Grouping, lastName } from '../key-order.js'
import { openKeyCursor } from './key-cursor.js'
import { createPathReader, justAfter, type PageMemory, type PathReader } from './path-reader.js'

/** An object, or a common prefix of several. */
export type Listed =
  | { readonly kind: 'object'; readonly key: string; readonly info: FileInfo }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** The parameters of a listing, in the terms of ListObjects. */
export interface ListQuery extends Grouping {
  /** Lists only keys after this one; if it is in a common prefix, only keys after that prefix. */
  readonly after: string
  /** At least 1. */
  readonly limit: number
}

/** A page in byte order, without duplicates. */
export interface ListPage {
  readonly entries: readonly Listed[]
  /** Whether there are more entries. */
  readonly isTruncated: boolean
}

/** The bucket to list, and the caller's rights. */
export interface ListSource {
  readonly pfs: PfsClient
  readonly commit: Commit
  readonly keys: KeyCodec
  readonly pages: PageMemory
  readonly options: CallOptions
}

/** Reads one page. @throws PfsError for a missing repo, branch or commit. */
export async function listKeys(source: ListSource, query: ListQuery): Promise<ListPage> {
  const { keys } = source
  const { prefix, after, limit } = query
  const entries: Listed[] = []
  let group = commonPrefixOf(after, query)
  const isFirstPage = group === undefined && (after === '' || !after.startsWith(prefix))
  const directory = isPast(query) ? undefined : keys.directoryFromPrefix(prefix)
  const depth = query.delimiter === '/' ? 'children' : 'below'
  const reader = createPathReader({ ...source, directory: directory ?? '/', depth, isFirstPage })
  if (directory === undefined) {
    // No key can match, but the commit may be missing.
    await reader.read({ from: afterEveryPath, to: afterEveryPath }, 1, false)
    return { entries, isTruncated: false }
  }
  const cursor = openKeyCursor({
    reader,
    keys,
    directory,
    interval: { low: lowOf(query), high: prefix + afterEveryCharacter },
    hasDirectories: query.delimiter === '/',
    start: startOf(keys, query),
    recall: (commit) => source.pages.recall(commit, pageName(query, after)),
  })
  let batch = await cursor.next(limit + 1 - entries.length)
  const exact = await readExact(source, query, directory, reader)
  if (exact !== undefined) entries.push({ kind: 'object', key: prefix, info: exact })
  while (batch.length > 0 && entries.length <= limit) {
    const before = entries.length
    for (const { key, info } of batch) {
      if (entries.length > limit) break
      if (group !== undefined && key.startsWith(group)) continue
      group = commonPrefixOf(key, query)
      entries.push(group === undefined ? { kind: 'object', key, info } : { kind: 'prefix', prefix: group })
    }
    const skipped = cursor.skipTo(lowOf({ ...query, after: lastName(entries) ?? '' }))
    reader.skipped(batch.length - (entries.length - before) + skipped)
    if (entries.length <= limit) batch = await cursor.next(limit + 1 - entries.length)
  }
  if (entries.length <= limit) return { entries, isTruncated: false }
  const page = { entries: entries.slice(0, limit), isTruncated: true }
  const last = lastName(page.entries) ?? ''
  const { commit, isOpen } = await reader.settle()
  const ranges = cursor.exhaustedBefore(lowOf({ ...query, after: last }))
  if (!isOpen) source.pages.remember(commit, pageName(query, last), ranges)
  return page
}

/** Identifies a page in the page memory; different keys, or different paths to read, give different names. */
function pageName({ prefix, delimiter }: ListQuery, after: string): string {
  return JSON.stringify([prefix, delimiter, after])
}

/** Whether all keys with the prefix come before `after`. */
function isPast({ prefix, after }: ListQuery): boolean {
  return compareBytes(after, prefix) > 0 && !after.startsWith(prefix)
}

/** A lower bound of the keys of a page. */
function lowOf(query: ListQuery): string {
  const { prefix, after } = query
  const group = commonPrefixOf(after, query)
  if (group !== undefined) return group + afterEveryCharacter
  return after === '' || !after.startsWith(prefix) ? prefix : `${after}\0`
}

/** The path in the directory at which most keys of a page start. */
function startOf(keys: KeyCodec, query: ListQuery): string {
  const { prefix, after } = query
  const group = commonPrefixOf(after, query)
  if (group !== undefined) return keys.startFromPrefix(group) + afterEveryPath
  return after === '' || !after.startsWith(prefix)
    ? keys.startFromPrefix(prefix)
    : keys.startFromPrefix(after) + justAfter
}

/** The object whose key equals the prefix, if it is stored apart from all longer keys: `dir/`, beside its directory. */
async function readExact(
  { pfs, keys, options }: ListSource,
  { prefix, after }: ListQuery,
  directory: string,
  reader: PathReader,
): Promise<FileInfo | undefined> {
  if (!keys.hasEscapes || prefix === '' || compareBytes(after, prefix) >= 0) return undefined
  const path = keys.pathFromKey(prefix)
  if (path.startsWith(directory)) return undefined
  const { commit } = await reader.settle()
  return findFile(pfs, { commit, path }, options)
}
