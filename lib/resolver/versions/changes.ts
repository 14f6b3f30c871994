import type { CommitLog } from '../../commits/commit-log.js'
import { eachAtMost } from '../../concurrency.js'
import { asBuffer } from '../../encoding.js'
import type { CallOptions, FileDiff, PfsClient } from '../../pfs/client.js'
import { findFile } from '../../pfs/path.js'
import { createRecentMap } from '../../recent-map.js'
import type { KeyCodec } from '../key.js'
import type { Revision } from './history.js'

/** What a commit did to a key. */
export interface KeyChange {
  readonly key: string
  /** The hash that PFS gives the new content, a character for each byte; undefined if the commit removed the key. */
  readonly hash: string | undefined
  readonly size: number
}

/** What commits changed. */
export interface ChangeLog {
  /**
   * The changes of a commit at or below `path`, in no order. Ask only for a caller to whom PFS has just shown that it may
   * read the repo.
   */
  read(revision: Revision, path: string, options: CallOptions): AsyncIterable<KeyChange>
}

/** The memory that remembered changes take at most, about. Changes that alone take more are read anew for each page. */
const maxBytes = 32 * 1024 * 1024

/** What a change takes beside its key, and a list of changes beside those. */
const overheadBytes = 200

/**
 * Most paths of a commit that this process made for which PFS is asked one by one, two calls each. DiffFile costs as much
 * as all files below the path in both commits, whatever changed: 2 seconds for 100,000.
 */
const maxLookups = 16

/** Lookups of one commit under way at once. */
const maxCalls = 4

/** The changes of all repos; those of finished commits never change and are remembered. */
export function createChangeLog(pfs: PfsClient, keys: KeyCodec, log: CommitLog, capacity = maxBytes): ChangeLog {
  const remembered = createRecentMap<readonly KeyChange[]>(capacity, (changes) =>
    changes.reduce((bytes, change) => bytes + bytesOf(change), overheadBytes),
  )

  async function* diff({ commit, base }: Revision, path: string, options: CallOptions): AsyncGenerator<FileDiff> {
    const made = log.get(commit.repo, commit.id)
    const below = path.endsWith('/') ? path : `${path}/`
    const paths = [...(made?.paths ?? [])].filter((each) => each === path || each.startsWith(below))
    if (made === undefined || made.parentId !== base?.id || paths.length > maxLookups) {
      const oldFile = base === undefined ? undefined : { commit: base, path }
      yield* pfs.diffFile({ newFile: { commit, path }, ...(oldFile && { oldFile }) }, options)
      return
    }
    yield* await eachAtMost(maxCalls, paths, async (each) => {
      const oldFile = await findFile(pfs, { commit: base, path: each }, options)
      const newFile = await findFile(pfs, { commit, path: each }, options)
      const isSame = oldFile && newFile && Buffer.compare(oldFile.hash, newFile.hash) === 0
      return isSame ? {} : { ...(oldFile && { oldFile }), ...(newFile && { newFile }) }
    })
  }

  /** The remembered changes of a commit at or below a path, also as part of those of a directory above. */
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
      const known = recall(revision, path)
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

/** With the base, since a commit has another one when those before it are squashed. */
function nameOf({ commit, base }: Revision, path: string): string {
  return `${commit.repo.project}/${commit.repo.name}@${commit.id}^${base?.id ?? ''}:${path}`
}

/** A path with a `\` cannot be read, so it is nobody's key. */
function changeFrom({ newFile, oldFile }: FileDiff, keys: KeyCodec): KeyChange | undefined {
  const file = newFile ?? oldFile
  if (file === undefined || file.fileType !== 'FILE' || file.file.path.includes('\\')) return undefined
  const key = keys.keyFromPath(file.file.path)
  if (newFile === undefined) return { key, hash: undefined, size: 0 }
  return { key, hash: asBuffer(newFile.hash).toString('latin1'), size: newFile.sizeBytes }
}
