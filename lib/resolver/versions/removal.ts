import type { CallOptions, Commit, PfsClient } from '../../pfs/client.js'

/** How long a missing key may keep its 404 waiting for the commit that removed it. */
const searchMilliseconds = 100

/** Most searches at once: to PFS each is a good deal of work, and clients that ask for what is not there ask often. */
const maxSearches = 4

/** The search for the commits that removed what is not there now. */
export interface RemovalSearch {
  /**
   * The id of the commit that removed a file. Undefined where none did, where too many are searched for, and where PFS
   * does not find it in a tenth of a second: it looks through the history commit by commit, and that of a key that never
   * was has no end.
   */
  find(start: Commit, filePath: string, options: CallOptions): Promise<string | undefined>
}

/** A search that all callers share. */
export function createRemovalSearch(pfs: PfsClient): RemovalSearch {
  let running = 0
  return {
    async find(start, filePath, options) {
      if (running >= maxSearches) return undefined
      running += 1
      const deadline = AbortSignal.timeout(searchMilliseconds)
      const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline])
      try {
        return await findRemoval(pfs, start, filePath, { ...options, signal })
      } catch {
        // The answer is that there is no such key; what was looked for only adds to it.
        return undefined
      } finally {
        running -= 1
      }
    },
  }
}

async function findRemoval(
  pfs: PfsClient,
  start: Commit,
  filePath: string,
  options: CallOptions,
): Promise<string | undefined> {
  // Read to its end: to leave the stream would reset the call.
  let changedIn: Commit | undefined
  for await (const found of pfs.findCommits({ start, filePath, limit: 1 }, options)) {
    if ('foundCommit' in found) changedIn = found.foundCommit
  }
  const isRemoved = changedIn !== undefined && (await wasRemovedIn(pfs, changedIn, filePath, options))
  return isRemoved ? changedIn?.id : undefined
}

/** Whether a commit removed a file that its parent holds. */
export async function wasRemovedIn(
  pfs: PfsClient,
  commit: Commit,
  path: string,
  options: CallOptions,
): Promise<boolean> {
  let isRemoved = false
  for await (const { newFile, oldFile } of pfs.diffFile({ newFile: { commit, path } }, options)) {
    // One more was asked for, since there is seldom one, and to leave the stream before its end would reset the call.
    if (isRemoved) break
    isRemoved = newFile === undefined && oldFile?.fileType === 'FILE' && oldFile.file.path === path
  }
  return isRemoved
}
