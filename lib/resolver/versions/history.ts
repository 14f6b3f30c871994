import type { CallOptions, Commit, CommitInfo, PfsClient } from '../../pfs/client.js'

/** A commit of a history, with what it is compared with to see what it changed. */
export interface Revision {
  readonly commit: Commit & { readonly id: string }
  /** The nearest commit before it that is not in error; undefined where none is. */
  readonly base: (Commit & { readonly id: string }) | undefined
  /** When it was closed, or while it is open when it was started. */
  readonly time: Date
  /** Whether what it changed can no longer change. */
  readonly isFinished: boolean
}

/**
 * The commits of a history, newest first. One in error is left out: the commit after it drops what it held, so that none
 * of it is a version of anything.
 */
export async function readHistory(pfs: PfsClient, to: Commit, options: CallOptions): Promise<Revision[]> {
  const { repo } = to
  const infos: CommitInfo[] = []
  for await (const info of pfs.listCommit({ repo, to }, options)) {
    if (info.error === '') infos.push(info)
  }
  const commits = infos.map(({ commit }) => ({ repo, id: commit.id ?? '' }))
  return infos.flatMap(({ finishing, started, finished }, index) => {
    const commit = commits[index]
    if (commit === undefined) return []
    const time = finishing ?? started ?? new Date(0)
    return { commit, base: commits[index + 1], time, isFinished: finished !== undefined }
  })
}
