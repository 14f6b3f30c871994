import type { CommitQueue } from '../commits/commit-queue.js'
import type { Branch, CallOptions, Commit, PfsClient, Repo } from '../pfs/client.js'
import { markerContent, markerEvent } from './markers.js'
import type { ObjectRecord } from './record.js'
import type { RecordAccess } from './record-access.js'
import { markedDirectory, type RecordName, rangeOfDirectories, recordsBranch, unmarked } from './record-path.js'

/**
 * The index of the records branch: empty files by which listings find records:
 *
 *     /hidden/master/da/fc.txt/27c9…    version 27c9… of /a/c.txt is hidden
 *     /versioned/master/a/b%2F          the directory marker a/b/ has versions
 *     /visible/master/a/b%2F            and currently exists
 *
 * The files of markers sort last, since PFS reads to the end of a commit if a listing ends before its page is full.
 */
export type MarkerIndex = 'versioned' | 'visible'

/** A file of the index, and whether it must exist. */
export interface IndexEntry {
  readonly path: string
  readonly exists: boolean
}

/** The index files of a record that changed from `before` to `record`; null if it was deleted. */
export function indexEntries(
  { path, content }: RecordName,
  before: ObjectRecord | undefined,
  record: ObjectRecord | null,
): readonly IndexEntry[] {
  const [, commitId, branch] = /^hidden-([0-9a-f]{32})-(.+)$/.exec(content) ?? []
  if (branch !== undefined) {
    return [{ path: `/hidden/${branch}${markedDirectory(path)}${commitId}`, exists: record !== null }]
  }
  if (content !== markerContent) return []
  const versions = [...(before?.versions ?? []), ...(record?.versions ?? [])]
  const branches = new Set(versions.flatMap((version) => (version.marker === undefined ? [] : [version.branch])))
  return [...branches].flatMap((each) => {
    const last = markerEvent(record ?? undefined, each)
    return [
      { path: `${markerRoot('versioned', each)}${path}`, exists: last !== undefined },
      { path: `${markerRoot('visible', each)}${path}`, exists: last?.marker === 'made' },
    ]
  })
}

/** The directory, without a trailing slash, that lists the directory markers of a branch by path. */
export function markerRoot(index: MarkerIndex, branch: string): string {
  return `/${index}/${branch}`
}

/** The directory, with its slash, of a branch's hidden versions at or below a path; a directory's path ends with `/`. */
function hiddenDirectory(branch: string, path: string): string {
  const marked = path.endsWith('/') ? markedDirectory(`${path}x`).slice(0, -'fx/'.length) : markedDirectory(path)
  return `/hidden/${branch}${marked}`
}

/** Parses a path of the index of hidden versions. */
function readHiddenPath(listed: string): { readonly path: string; readonly commitId: string } {
  const [, , , ...segments] = listed.split('/')
  const commitId = segments.pop() ?? ''
  return { path: unmarked(segments), commitId }
}

/** Memory of a hidden version in addition to its path, in bytes. */
const hiddenBytes = 400

/** Reads the index. */
export class RecordIndex {
  readonly #pfs: PfsClient
  readonly #commits: CommitQueue
  readonly #access: RecordAccess

  constructor(pfs: PfsClient, commits: CommitQueue, access: RecordAccess) {
    this.#pfs = pfs
    this.#commits = commits
    this.#access = access
  }

  /** The hidden versions at or below some paths; see `RecordStore.hiddenVersions`. */
  hiddenVersions(
    { repo, name }: Branch,
    paths: readonly string[],
    hold: (bytes: number) => void,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const directories = paths.map((path) => hiddenDirectory(name, path))
    return this.#access.whileThere(repo, async () => {
      const found = new Map<string, Set<string>>()
      const { headId } = await this.#access.branchOf(repo, options)
      if (headId === undefined) return found
      const commit = await this.#commitWith(repo, directories, options)
      for (const directory of directories) {
        const request = { commit, pattern: '/**', pathRange: rangeOfDirectories([directory]) }
        for await (const { fileType, file } of this.#pfs.globFile(request, options)) {
          if (fileType !== 'FILE') continue
          hold(hiddenBytes + file.path.length)
          const { path, commitId } = readHiddenPath(file.path)
          const commitIds = found.get(path) ?? new Set()
          found.set(path, commitIds.add(commitId))
        }
      }
      return found
    })
  }

  /** The commit with the index of a branch's directory markers; undefined if the branch never had a marker. */
  markerCommit({ repo, name }: Branch, options: CallOptions): Promise<Commit | undefined> {
    const path = markerRoot('versioned', name)
    return this.#access.whileThere(repo, async () => {
      const branch = await this.#access.branchOf(repo, options)
      if (branch.headId === undefined || branch.markerless.has(name)) return undefined
      const { epoch } = branch
      const commit = await this.#commitWith(repo, [path, markerRoot('visible', name)], options)
      for await (const _ of this.#pfs.listFile({ file: { commit, path }, number: 1 }, options)) return commit
      if (branch.epoch === epoch) branch.markerless.add(name)
      return undefined
    })
  }

  /** A commit in which paths of the index are the same as at the head. */
  async #commitWith(repo: Repo, paths: readonly string[], options: CallOptions): Promise<Commit> {
    const branch = recordsBranch(repo)
    return { repo: branch.repo, id: await this.#commits.commitToRead(branch, paths, options) }
  }
}
