import { LRUCache } from 'lru-cache'
import type { CommitLog } from '../../commits/commit-log.js'
import { mapWithLimit } from '../../concurrency.js'
import { noteLookup } from '../../diagnostics.js'
import { asBuffer } from '../../encoding.js'
import { type CallOptions, type FileDiff, type PfsClient, repoId } from '../../pfs/client.js'
import { findFile } from '../../pfs/path.js'
import type { KeyCodec } from '../key.js'
import type { Revision } from './history.js'

/** The change of a key in a commit. */
export interface KeyChange {
  readonly key: string
  /** PFS's hash of the new content, one character per byte; undefined if the commit deleted the key. */
  readonly hash: string | undefined
  readonly size: number
}

/** Reads the changes of commits. */
export interface ChangeLog {
  /**
   * The changes of a commit at or below `path`, unordered. Call it only if PFS has just confirmed that the caller may read
   * the repo.
   */
  read(revision: Revision, path: string, options: CallOptions): AsyncIterable<KeyChange>
}

/** Approximate size limit of the cache in bytes. Larger lists of changes are read again for each page. */
const maxBytes = 32 * 1024 * 1024

/** Memory of a change in addition to its key, and of a list in addition to its changes, in bytes. */
const overheadBytes = 200

/**
 * Maximum paths of a commit of this process to look up one by one, with two calls each. DiffFile costs as much as reading
 * all files below the path in both commits, whatever changed: 2 seconds for 100,000 files.
 */
const maxLookups = 16

/** Concurrent lookups for one commit. */
const maxCalls = 4

/** Creates the log of changes of all repos. Finished commits never change, so their changes are cached. */
export function createChangeLog(pfs: PfsClient, keys: KeyCodec, log: CommitLog, capacity = maxBytes): ChangeLog {
  const remembered = new LRUCache<string, readonly KeyChange[]>({
    maxSize: capacity,
    sizeCalculation: (changes) => changes.reduce((bytes, change) => bytes + bytesOf(change), overheadBytes),
  })

  async function* diff({ commit, base }: Revision, path: string, options: CallOptions): AsyncGenerator<FileDiff> {
    const made = log.get(commit.repo, commit.id)
    const below = path.endsWith('/') ? path : `${path}/`
    const paths = [...(made?.paths ?? [])].filter((each) => each === path || each.startsWith(below))
    if (made === undefined || made.parentId !== base?.id || paths.length > maxLookups) {
      const oldFile = base === undefined ? undefined : { commit: base, path }
      yield* pfs.diffFile({ newFile: { commit, path }, ...(oldFile && { oldFile }) }, options)
      return
    }
    yield* await mapWithLimit(maxCalls, paths, async (each) => {
      const oldFile = await findFile(pfs, { commit: base, path: each }, options)
      const newFile = await findFile(pfs, { commit, path: each }, options)
      const isSame = oldFile && newFile && Buffer.compare(oldFile.hash, newFile.hash) === 0
      return isSame ? {} : { ...(oldFile && { oldFile }), ...(newFile && { newFile }) }
    })
  }

  /** The cached changes of a commit at or below a path, possibly as a part of those of a parent directory. */
  function recall(revision: Revision, path: string): readonly KeyChange[] | undefined {
    const known = remembered.get(nameOf(revision, path))
    if (known !== undefined) return known
    const key = keys.keyFromPath(path)
    const isBelow = (change: KeyChange): boolean =>
      path.endsWith('/')
        ? change.key.startsWith(keys.prefixFromDirectory(path))
        : change.key === key || change.key.startsWith(`${key}/`)
    for (let end = path.lastIndexOf('/', path.length - 2); end >= 0; end = path.lastIndexOf('/', end - 1)) {
      const above = remembered.get(nameOf(revision, path.slice(0, end + 1)))
      if (above !== undefined) return above.filter(isBelow)
      if (end === 0) break
    }
    return undefined
  }

  return {
    async *read(revision, path, options) {
      const name = nameOf(revision, path)
      const known = noteLookup('changes', recall(revision, path))
      if (known !== undefined) {
        yield* known
        return
      }
      const kept: KeyChange[] = []
      let bytes = overheadBytes
      for await (const each of diff(revision, path, options)) {
        const change = changeFrom(each, keys)
        if (change === undefined) continue
        yield change
        bytes += bytesOf(change)
        if (bytes <= capacity) kept.push(change)
        else kept.length = 0
      }
      if (revision.isFinished && bytes <= capacity) remembered.set(name, kept)
    },
  }
}

function bytesOf({ key }: KeyChange): number {
  return 2 * key.length + overheadBytes
}

/** Includes the base, which changes if earlier commits are squashed. */
function nameOf({ commit, base }: Revision, path: string): string {
  return `${repoId(commit.repo)}@${commit.id}^${base?.id ?? ''}:${path}`
}

/** Undefined for a path with a `\`, which cannot be read and therefore has no key. */
function changeFrom({ newFile, oldFile }: FileDiff, keys: KeyCodec): KeyChange | undefined {
  const file = newFile ?? oldFile
  if (file === undefined || file.fileType !== 'FILE' || file.file.path.includes('\\')) return undefined
  const key = keys.keyFromPath(file.file.path)
  if (newFile === undefined) return { key, hash: undefined, size: 0 }
  return { key, hash: asBuffer(newFile.hash).toString('latin1'), size: newFile.sizeBytes }
}
