import type { CallOptions, Commit, PfsClient } from '../../pfs/client.js'

/** How long a missing key may keep its 404 waiting for the commit that removed it. */
const searchMilliseconds = 100

/**
 * The id of the commit that removed a file which is not there now. Undefined where none did, and where PFS does not find
 * it in a tenth of a second: it looks through the history commit by commit, and that of a key that never was has no end.
 */
export async function findRemoval(
  pfs: PfsClient,
  start: Commit,
  filePath: string,
  options: CallOptions,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(searchMilliseconds)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline])
  const limited = { ...options, signal }
  try {
    // Read to its end: to leave the stream would reset the call.
    let changedIn: Commit | undefined
    for await (const found of pfs.findCommits({ start, filePath, limit: 1 }, limited)) {
      if ('foundCommit' in found) changedIn = found.foundCommit
    }
    if (changedIn !== undefined && (await wasRemovedIn(pfs, changedIn, filePath, limited))) return changedIn.id
  } catch {
    // The answer is that there is no such key; what was looked for only adds to it.
  }
  return undefined
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
