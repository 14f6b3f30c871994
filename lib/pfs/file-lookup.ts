import { setMaxListeners } from 'node:events'
import { LRUCache } from 'lru-cache'
import type { CallObserver, CallOptions, Commit, File, FileInfo, PfsClient } from './client.js'
import { sharedObserver } from './observed-call.js'
import { findFile } from './path.js'
import { type Finding, findPlaces, RangeHistory } from './places.js'

/** Looks up files. While calls for a commit are running, further look-ups in it are collected into one batch. */
export interface FileLookup {
  /**
   * The file at a path, read after this call; undefined if the path is missing or a directory.
   *
   * @throws PfsError as `globFile` does
   */
  find(file: File, options: CallOptions): Promise<FileInfo | undefined>
}

/** Concurrent batches per commit and caller. */
const maxBatches = 3

/** Maximum branches and commits whose range history is cached. */
const maxHistories = 256

/** A file to look up. */
interface Lookup {
  readonly path: string
  readonly observer: CallObserver | undefined
  readonly resolve: (file: FileInfo | undefined) => void
  readonly reject: (reason: unknown) => void
  /** Whether its caller has cancelled. */
  hasLeft: boolean
  /** Called when the caller cancels. */
  onLeave: () => void
}

/** The files that one caller looks up in one commit. */
interface Group {
  readonly commit: Commit
  readonly authToken: string | undefined
  readonly history: RangeHistory
  waiting: Lookup[]
  batches: number
}

/** Creates the look-up of one gateway. */
export function createFileLookup(pfs: PfsClient): FileLookup {
  const groups = new Map<string, Group>()
  const histories = new LRUCache<string, RangeHistory>({ max: maxHistories })

  function groupOf(commit: Commit, authToken: string | undefined): { readonly key: string; readonly group: Group } {
    const { repo, branch, id } = commit
    const name = JSON.stringify([repo.project, repo.name, repo.type, branch, id])
    const key = JSON.stringify([name, authToken])
    const history = histories.get(name) ?? new RangeHistory()
    histories.set(name, history)
    const group = groups.get(key) ?? { commit, authToken, history, waiting: [], batches: 0 }
    groups.set(key, group)
    return { key, group }
  }

  async function runBatches(key: string, group: Group): Promise<void> {
    if (group.batches === maxBatches) return
    group.batches += 1
    while (group.waiting.length > 0) {
      const batch = group.waiting.filter(({ hasLeft }) => !hasLeft)
      group.waiting = []
      if (batch.length > 0) await runBatch(pfs, group, batch)
    }
    group.batches -= 1
    if (group.batches === 0) groups.delete(key)
  }

  return {
    async find({ commit, path }, { signal, authToken, observer }) {
      signal?.throwIfAborted()
      const { key, group } = groupOf(commit, authToken)
      let onAbort = (): void => undefined
      const found = new Promise<FileInfo | undefined>((resolve, reject) => {
        const lookup: Lookup = { path, observer, resolve, reject, hasLeft: false, onLeave: () => undefined }
        group.waiting.push(lookup)
        onAbort = () => {
          lookup.hasLeft = true
          lookup.onLeave()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        void runBatches(key, group)
      })
      return found.finally(() => signal?.removeEventListener('abort', onAbort))
    },
  }
}

/** Settles each look-up of a batch; cancels its calls when all callers have left. */
async function runBatch(
  pfs: PfsClient,
  { commit, authToken, history }: Group,
  batch: readonly Lookup[],
): Promise<void> {
  const allHaveLeft = new AbortController()
  // Each call of the batch adds a listener, and Node warns at more than ten.
  setMaxListeners(0, allHaveLeft.signal)
  for (const lookup of batch) {
    lookup.onLeave = () => {
      if (batch.every(({ hasLeft }) => hasLeft)) allHaveLeft.abort()
    }
  }
  const observer = sharedObserver(batch.map((lookup) => lookup.observer))
  const options = { signal: allHaveLeft.signal, observer, ...(authToken !== undefined && { authToken }) }
  const [first] = batch
  try {
    if (first !== undefined && batch.length === 1) {
      first.resolve(await findFile(pfs, { commit, path: first.path }, options))
      return
    }
    const paths = batch.map(({ path }) => path)
    const findings = await findPlaces({ pfs, commit, history, filesOnly: true }, paths, options)
    for (const lookup of batch) settle(lookup, findings.get(lookup.path))
  } catch (reason) {
    for (const { reject } of batch) reject(reason)
  }
}

function settle({ resolve, reject }: Lookup, finding: Finding | undefined): void {
  if (finding?.status === 'rejected') reject(finding.reason)
  else resolve(finding?.value.file)
}
