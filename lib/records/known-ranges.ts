import { LRUCache } from 'lru-cache'

/** Maximum directories with known ranges, and ranges of a directory. */
const maxDirectories = 10_000
const maxRangesOfDirectory = 64

/** Record directories from `from` on, before `to`. */
export interface KnownRange {
  readonly from: string
  readonly to: string
}

interface RangesOfDirectory {
  readonly epoch: number
  readonly ranges: readonly KnownRange[]
}

/** Ranges of the files of a directory whose records are all cached: other files in them have none. */
export class KnownRanges {
  readonly #directories = new LRUCache<string, RangesOfDirectory>({ max: maxDirectories })

  /** Adds a range that is known in an epoch, and forgets those of earlier epochs. */
  add(id: string, epoch: number, range: KnownRange): void {
    this.#directories.set(id, { epoch, ranges: joined(this.#rangesOf(id, epoch), range) })
  }

  /** Whether a record directory is in a known range. */
  has(id: string, epoch: number, recordDirectory: string): boolean {
    return this.#rangesOf(id, epoch).some(({ from, to }) => from <= recordDirectory && recordDirectory < to)
  }

  /** Whether a whole range is known. */
  hasRange(id: string, epoch: number, { from, to }: KnownRange): boolean {
    return this.#rangesOf(id, epoch).some((known) => known.from <= from && to <= known.to)
  }

  /** Forgets a directory of which a record is no longer cached. */
  forget(id: string): void {
    this.#directories.delete(id)
  }

  #rangesOf(id: string, epoch: number): readonly KnownRange[] {
    const known = this.#directories.get(id)
    return known?.epoch === epoch ? known.ranges : []
  }
}

/** Adds a range to disjoint ones, and joins those that touch it. */
function joined(ranges: readonly KnownRange[], { from, to }: KnownRange): KnownRange[] {
  const apart: KnownRange[] = []
  for (const each of ranges) {
    if (each.to < from || to < each.from) apart.push(each)
    else [from, to] = [each.from < from ? each.from : from, each.to > to ? each.to : to]
  }
  return [...apart, { from, to }].slice(-maxRangesOfDirectory)
}
