import type { Commit, PfsClient } from '../../pfs/client.js'

/** Beginnings of paths, and whether there is a path that begins so. */
export type KnownPaths = ReadonlyMap<string, boolean>

/** Most pages of one PFS of which something is remembered. */
const rememberedPages = 500

const memories = new WeakMap<PfsClient, Map<string, KnownPaths>>()

/** What a page of this commit, by its id, found out that ended with `name`. */
export function recallPaths(pfs: PfsClient, commit: Commit, name: string): KnownPaths {
  return memories.get(pfs)?.get(pageName(commit, name)) ?? new Map()
}

/**
 * Remembers for the page that begins behind `name` what would have to be asked again. Nothing depends on it but the
 * number of calls. The commit must be one that cannot change any more.
 */
export function rememberPaths(pfs: PfsClient, commit: Commit, name: string, known: KnownPaths): void {
  const memory = memories.get(pfs) ?? new Map<string, KnownPaths>()
  const page = pageName(commit, name)
  memories.set(pfs, memory)
  memory.delete(page)
  memory.set(page, known)
  for (const oldest of memory.keys()) {
    if (memory.size <= rememberedPages) break
    memory.delete(oldest)
  }
}

function pageName({ repo, id }: Commit, name: string): string {
  return [repo.project, repo.name, repo.type, id, name].join('\0')
}
