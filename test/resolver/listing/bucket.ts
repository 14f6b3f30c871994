import type { Commit, File, FileInfo, FilePage } from '../../../lib/pfs/client.js'
import { createKeyCodec, type KeyEncoding } from '../../../lib/resolver/key.js'
import { type ListPage, type ListQuery, type ListSource, listKeys } from '../../../lib/resolver/listing/list-keys.js'
import { createPageMemory } from '../../../lib/resolver/listing/path-reader.js'
import { createMemoryPfs, type PachydermApi } from '../../../lib/testing/index.js'
import { createRepoAndBranch } from '../../support/branch.js'

/** The PFS calls of listings. */
export interface Cost {
  calls: number
  entries: number
  /** Pages for which pachd looks on to the end of the commit: those behind a marker whose directory ends before they are full. */
  scansToEnd: number
}

export interface TestBucket {
  readonly source: ListSource & { readonly pfs: PachydermApi }
  readonly cost: Cost
}

const repo = { project: 'default', name: 'listed', type: 'user' } as const
const commit: Commit = { repo, branch: 'master' }

/** A branch with an empty file at every path. */
export async function createBucket(paths: Iterable<string>, encoding: KeyEncoding = 'percent'): Promise<TestBucket> {
  const memory = createMemoryPfs()
  await createRepoAndBranch(memory, { repo, name: 'master' })
  const cost = { calls: 0, entries: 0, scansToEnd: 0 }
  const keys = createKeyCodec(encoding)
  const source = { pfs: counting(memory, cost), commit, keys, pages: createPageMemory(), options: {} }
  await writePaths(source, paths)
  await memory.inspectCommit({ commit, wait: 'FINISHED' })
  return { source, cost }
}

/** Writes an empty file to every path, into a new commit or the open one. */
export async function writePaths({ pfs }: ListSource, paths: Iterable<string>): Promise<void> {
  const raw = new Uint8Array()
  await pfs.modifyFile(
    commit,
    Array.from(paths, (path) => ({ addFile: { path, raw } })),
  )
}

/** The names of all pages, one after the other; fails where a page is too long or says wrongly that it is the last. */
export async function listAll(source: ListSource, query: Omit<ListQuery, 'limit'>, limits: readonly number[]) {
  const names: string[] = []
  let { after } = query
  for (let page = 0; ; page += 1) {
    const limit = limits[page % limits.length] ?? 1
    const found = await listKeys(source, { ...query, after, limit })
    const { length } = found.entries
    if (length > limit) throw new Error(`${length} entries on a page of ${limit}`)
    names.push(...namesOf(found))
    if (!found.isTruncated) return names
    if (length < limit) throw new Error(`${length} entries on a page of ${limit} that is not the last`)
    after = names.at(-1) ?? ''
  }
}

/** The keys and prefixes of a page, in its order. */
export function namesOf({ entries }: ListPage): string[] {
  return entries.map((entry) => (entry.kind === 'object' ? entry.key : entry.prefix))
}

type PageRequest = { readonly file: File } & FilePage

function counting(pfs: PachydermApi, cost: Cost): PachydermApi {
  async function* count(found: AsyncIterable<FileInfo>) {
    cost.calls += 1
    for await (const info of found) {
      cost.entries += 1
      yield info
    }
  }
  async function* countPage({ file, paginationMarker, number = 0 }: PageRequest, found: AsyncIterable<FileInfo>) {
    const before = cost.entries
    yield* count(found)
    const isFull = number > 0 && cost.entries - before >= number
    if (paginationMarker !== undefined && file.path !== '/' && !isFull) cost.scansToEnd += 1
  }
  return {
    ...pfs,
    inspectCommit: (request, options) => {
      cost.calls += 1
      return pfs.inspectCommit(request, options)
    },
    inspectFile: (file, options) => {
      cost.calls += 1
      return pfs.inspectFile(file, options)
    },
    listFile: (request, options) => countPage(request, pfs.listFile(request, options)),
    walkFile: (request, options) => countPage(request, pfs.walkFile(request, options)),
    globFile: (request, options) => count(pfs.globFile(request, options)),
  }
}
