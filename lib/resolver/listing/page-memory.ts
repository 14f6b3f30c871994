import type { Commit } from '../../pfs/client.js'
import { createRecentMap } from '../../recent-map.js'
import type { TextRange } from './path-reader.js'

/**
 * Remembers what the pages of a listing have learned: ranges of paths that hold no keys for the pages behind them. Without
 * it, each page would ask PFS again for the escapes before its start. Only the number of calls depends on it.
 */
export interface PageMemory {
  /** The ranges that a page found, by its commit's id and the name of the page behind it; none if it is forgotten. */
  recall(commit: Commit, page: string): readonly TextRange[]
  /** Remembers ranges. The commit must be finished. */
  remember(commit: Commit, page: string, ranges: readonly TextRange[]): void
}

/** Most bytes that are remembered. */
const maxBytes = 4 * 1024 * 1024
/** Most ranges that are remembered of a page. */
const maxRanges = 64

/** Creates the memory for the listings of one PFS. */
export function createPageMemory(): PageMemory {
  const pages = createRecentMap<readonly TextRange[]>(maxBytes, weigh)
  return {
    recall: (commit, page) => pages.get(nameOf(commit, page)) ?? [],
    remember: (commit, page, ranges) => pages.set(nameOf(commit, page), joined(ranges).slice(0, maxRanges)),
  }
}

/** An entry is its texts, of one byte a character, and its name of about a kilobyte. */
function weigh(ranges: readonly TextRange[]): number {
  return ranges.reduce((bytes, { from, to }) => bytes + from.length + to.length, 2048)
}

/** Joins sorted ranges that overlap or touch. */
function joined(ranges: readonly TextRange[]): TextRange[] {
  const found: TextRange[] = []
  for (const range of ranges) {
    const last = found.at(-1)
    if (last === undefined || range.from > last.to) found.push({ from: range.from, to: range.to })
    else if (range.to > last.to) found[found.length - 1] = { from: last.from, to: range.to }
  }
  return found
}

function nameOf({ repo, id }: Commit, page: string): string {
  return [repo.project, repo.name, repo.type, id, page].join('\0')
}
