import type { PachydermApi } from '../pachyderm-api.js'
import { activate, createAuthCalls } from './auth.js'
import { createBranchCalls } from './branches.js'
import { createChangeCalls } from './changed-files.js'
import { createCommitCalls } from './commits.js'
import { createFileSetCalls } from './file-sets.js'
import { createModifyFile } from './modify-file.js'
import { createReadCalls } from './read-files.js'
import { addProject, createProjectCalls, createRepoCalls } from './repos.js'
import { seed } from './seed.js'
import type { MemoryPfsOptions, State } from './state.js'

export type { MemoryPfsOptions, SeededBranches, SeededFiles, SeededRepos } from './state.js'

/**
 * Creates PFS in memory. Its responses were compared with recordings of pachd 2.12: same status, same text, same order.
 * It keeps data as long as it is referenced; a commit shares unchanged content with its parent.
 *
 * @example
 * ```ts
 * const pfs = createMemoryPfs({
 *   repos: {
 *     images: { master: { 'a.txt': 'text', 'b.bin': new Uint8Array([0, 255]) }, empty: {} },
 *     'models.vision': { master: [{ 'weights.txt': 'first' }, { 'weights.txt': 'second' }] }, // two commits
 *   },
 * })
 * ```
 *
 * @throws PfsError if `repos` has a name or path that pachd refuses, or a file and a directory of the same name
 */
export function createMemoryPfs(options: MemoryPfsOptions = {}): PachydermApi {
  const state: State = {
    options,
    now: options.now ?? (() => new Date()),
    projects: new Map(),
    repos: new Map(),
    fileSets: new Map(),
    commitQueues: new Map(),
  }
  addProject(state, 'default')
  if (options.rootToken !== undefined) activate(state, options.rootToken)
  if (options.repos !== undefined) seed(state, options.repos)
  return {
    ...createProjectCalls(state),
    ...createRepoCalls(state),
    ...createBranchCalls(state),
    ...createCommitCalls(state),
    ...createReadCalls(state),
    ...createChangeCalls(state),
    ...createFileSetCalls(state),
    ...createAuthCalls(state),
    modifyFile: createModifyFile(state),
  }
}
