import { asBuffer } from '../../bytes.js'
import type { CallOptions, FileDiff, PfsClient } from '../../pfs/client.js'
import { createRecentMap } from '../../recent-map.js'
import { compareBytes } from '../byte-order.js'
import type { KeyCodec } from '../key.js'
import type { Revision } from './history.js'

/** What a commit did to a key. Many of these are held, so they are flat. */
export interface KeyChange {
  readonly key: string
  /** The hash that PFS gives the new content, a character for each byte; undefined where the commit removed the key. */
  readonly hash: string | undefined
  readonly size: number
}

/** What commits changed. */
export interface ChangeLog {
  /**
   * Hands the changes of a commit at or below `path` to `take`: all at once in the order of their keys where they are
   * remembered, else one by one in no order as PFS tells them. Ask only for a caller to whom PFS has just shown that
   * it may read the repo.
   */
  read(revision: Revision, path: string, take: TakeChanges, options: CallOptions): Promise<void>
}

/** Who is handed changes, in one of two ways. */
export interface TakeChanges {
  readonly sorted: (changes: readonly KeyChange[]) => void
  readonly one: (change: KeyChange) => void
}

/**
 * Most changes that are remembered, about 250 MB of them. What alone is more is not remembered: it is read anew, though
 * never held, for each page.
 */
const maxChanges = 1_250_000

/** The changes of all repos; those of finished commits never change and are remembered. */
export function createChangeLog(pfs: PfsClient, keys: KeyCodec, capacity = maxChanges): ChangeLog {
  // An empty list has its weight too: that of the name under which it is remembered.
  const remembered = createRecentMap<readonly KeyChange[]>(capacity, (changes) => changes.length + 4)

  return {
    async read(revision, path, take, options) {
      const known = remembered.get(nameOf(revision, path))
      if (known !== undefined) {
        take.sorted(known)
        return
      }
      let kept: KeyChange[] | undefined = revision.isFinished ? [] : undefined
      const { commit, base } = revision
      const oldFile = base === undefined ? undefined : { commit: base, path }
      const request = { newFile: { commit, path }, ...(oldFile && { oldFile }) }
      for await (const diff of pfs.diffFile(request, options)) {
        const change = changeFrom(diff, keys)
        if (change === undefined) continue
        take.one(change)
        kept?.push(change)
        if (kept !== undefined && kept.length >= capacity) kept = undefined
      }
      kept?.sort((a, b) => compareBytes(a.key, b.key))
      if (kept !== undefined) remembered.set(nameOf(revision, path), kept)
    },
  }
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
