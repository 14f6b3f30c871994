import type { Change } from '../../lib/commits/change.js'
import type { Outcome } from '../../lib/commits/commit-changes.js'
import type { Branch, FileOperation, FileOperations } from '../../lib/index.js'
import { createMemoryPfs, filesOf, type PachydermApi } from '../../lib/testing/index.js'
import { deferred } from '../support/deferred.js'

export const branch: Branch = { repo: { project: 'default', name: 'data', type: 'user' }, name: 'master' }
export const head = { repo: branch.repo, branch: branch.name }

/** PFS in memory that records the paths of each commit, and can hold commits up. */
export interface WatchedPfs extends PachydermApi {
  readonly commits: string[][]
  /** Holds commits up until the result is called. */
  hold(): () => void
}

export async function watchedPfs(): Promise<WatchedPfs> {
  const pfs = createMemoryPfs({ repos: { data: { master: {} } } })
  const commits: string[][] = []
  let gate = Promise.resolve()
  return {
    ...pfs,
    commits,
    hold() {
      const { promise, resolve } = deferred()
      gate = promise
      return resolve
    },
    async modifyFile(commit, operations, options) {
      const written: string[] = []
      await gate
      await pfs.modifyFile(commit, watched(operations, written), options)
      commits.push(written)
    },
  }
}

async function* watched(operations: FileOperations, written: string[]): AsyncGenerator<FileOperation> {
  for await (const operation of operations) {
    if ('deleteFile' in operation) written.push(operation.deleteFile.path)
    yield operation
  }
}

/** PFS in memory that takes its time to finish commits. */
export async function slowPfs(finishMilliseconds: number): Promise<PachydermApi> {
  return createMemoryPfs({ repos: { data: { master: {} } }, finishMilliseconds })
}

/** A PFS whose next ModifyFile, once `race.isOn`, has another writer's work before and behind it. */
export function racedPfs(truth: PachydermApi, before: () => Promise<unknown>, behind: () => Promise<unknown>) {
  const race = { isOn: false, calls: 0 }
  const pfs: PachydermApi = {
    ...truth,
    modifyFile: async (commit, operations, options) => {
      race.calls += 1
      if (!race.isOn) return truth.modifyFile(commit, operations, options)
      race.isOn = false
      await before()
      await truth.modifyFile(commit, operations, options)
      await behind()
    },
  }
  return { pfs, race }
}

export const nothing = async (): Promise<void> => undefined

export const put = (path: string, text = path): Change => ({ path, content: { raw: Buffer.from(text) } })

export const add = (path: string, text = path): FileOperation => ({ addFile: { path, raw: Buffer.from(text) } })

/** The content of a file; undefined if it is missing. */
export async function read(pfs: PachydermApi, path: string): Promise<string | undefined> {
  return (await filesOf(pfs, 'master.data'))[path.slice(1)]
}

/** The reason for which some work was refused; undefined if it was done. */
export async function reasonOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (reason) {
    return reason
  }
  return undefined
}

/** For each outcome the reason of its refusal; undefined if it was committed. */
export function reasons(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined))
}
