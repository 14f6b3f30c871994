import type { Commit } from '../../pfs/client.js'
import { createRecentMap } from '../../recent-map.js'

/** Beginnings of paths, and whether there is a path that begins so. */
export type KnownPaths = ReadonlyMap<string, boolean>

/**
 * What pages have found out that those behind them would have to ask again. Nothing depends on it but the number of
 * calls.
 */
export interface PageMemory {
  /** What a page of this commit, by its id, found out that ended with `name`. */
  recall(commit: Commit, name: string): KnownPaths
  /** Remembers it for the page that begins behind `name`. The commit must be one that cannot change any more. */
  remember(commit: Commit, name: string, known: KnownPaths): void
}

/** Most pages of which something is remembered. */
const rememberedPages = 500

/** A memory for the listings of one PFS. */
export function createPageMemory(): PageMemory {
  const pages = createRecentMap<KnownPaths>(rememberedPages, () => 1)
  return {
    recall: (commit, name) => pages.get(pageName(commit, name)) ?? new Map(),
    remember: (commit, name, known) => pages.set(pageName(commit, name), known),
  }
}

function pageName({ repo, id }: Commit, name: string): string {
  return [repo.project, repo.name, repo.type, id, name].join('\0')
}
