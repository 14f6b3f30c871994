import { createBatchedLookup } from './batched-lookup.js'
import type { CallOptions, Commit, File, FileInfo, PfsClient } from './client.js'
import { findFile } from './path.js'
import { lookUpPaths, RangeHistories } from './path-lookup.js'

/** Looks up files; concurrent look-ups in a commit share calls. */
export interface FileLookup {
  /**
   * The file at a path, read after this call; undefined if the path is missing or a directory.
   *
   * @throws PfsError as `globFile` does
   */
  find(file: File, options: CallOptions): Promise<FileInfo | undefined>
}

/** Maximum branches and commits whose range history is cached. */
const maxHistories = 256

/** Creates the look-up of one gateway. */
export function createFileLookup(pfs: PfsClient): FileLookup {
  const histories = new RangeHistories(maxHistories)

  const lookup = createBatchedLookup<Commit, string, FileInfo | undefined>(nameOf, async (commit, paths, options) => {
    const [path = ''] = paths
    if (paths.length === 1) {
      const file = await findFile(pfs, { commit, path }, options)
      return () => file
    }
    const scope = { pfs, commit, history: histories.of(nameOf(commit)), filesOnly: true } as const
    const results = await lookUpPaths(scope, paths, options)
    return (path) => {
      const result = results.get(path)
      if (result?.status === 'rejected') throw result.reason
      return result?.value.file
    }
  })

  return { find: ({ commit, path }, options) => lookup.find(commit, path, options) }
}

function nameOf({ repo, branch, id }: Commit): string {
  return JSON.stringify([repo.project, repo.name, repo.type, branch, id])
}
