import { checkChanges } from './branch-checks.js'
import { BranchQueue, type Entry } from './branch-queue.js'
import type { Change } from './changes.js'
import type { Branch, CallOptions, FileOperation, PfsClient } from './client.js'
import { type Committed, type Confirm, commitChanges, confirmHead, type Outcome } from './commit-changes.js'
import { inPieces } from './pieces.js'

export interface CommitQueueOptions {
  /** Whether writes that wait for one another go together in one commit. */
  readonly commits: 'shared' | 'each'
  readonly confirm: Confirm
}

/** A file whose bytes come as a stream; nothing is committed if the stream throws. */
export type StreamedChange = Omit<Change, 'content'> & { readonly body: AsyncIterable<Uint8Array> }

/**
 * The one way in which branches are written. Commits on a branch run one after the other in PFS, so writes that arrive
 * while one is under way wait and go together in the next. What a writer elsewhere does between the checks and the
 * commit of a turn is not seen.
 */
export interface CommitQueue {
  /** Makes changes, to one branch and of unrelated paths, in one commit; the outcome of each. */
  commit(branch: Branch, changes: readonly Change[], options: CallOptions): Promise<readonly Outcome[]>
  /** Sends a body as it comes, and in the branch's turn checks the change and makes its commit. */
  stream(branch: Branch, change: StreamedChange, options: CallOptions): Promise<Committed>
}

/** Most changes and bytes that writers share a commit with; the changes of one call always go together. */
const batchLimits = { changes: 2000, bytes: 32 * 1024 * 1024 }

interface Group extends Entry {
  readonly alone: false
  readonly changes: readonly Change[]
  readonly settle: (outcomes: readonly Outcome[]) => void
}

interface StreamEnd extends Entry {
  readonly alone: true
  /** Given the turn; settles when the stream needs it no longer. */
  readonly hold: () => Promise<void>
}

/** A commit queue over PFS. */
export function createCommitQueue(pfs: PfsClient, { commits, confirm }: CommitQueueOptions): CommitQueue {
  const queues = new Map<string, BranchQueue<Group | StreamEnd>>()

  function queueOf(branch: Branch): BranchQueue<Group | StreamEnd> {
    const key = JSON.stringify([branch.repo.project, branch.repo.name, branch.repo.type, branch.name])
    const known = queues.get(key)
    if (known !== undefined) return known
    const limits = commits === 'shared' ? batchLimits : { changes: 1, bytes: 0 }
    const queue = new BranchQueue<Group | StreamEnd>(
      (batch) => runTurn(branch, batch),
      limits,
      () => queues.delete(key),
    )
    queues.set(key, queue)
    return queue
  }

  async function runTurn(branch: Branch, batch: readonly (Group | StreamEnd)[]): Promise<void> {
    const groups: Group[] = []
    for (const work of batch) {
      if (work.alone) return work.hold()
      groups.push(work)
    }
    const changes = groups.flatMap((group) => group.changes)
    const outcomes = await commitChanges(pfs, branch, changes, confirm, callOptions(batch[0]?.authToken))
    let offset = 0
    for (const group of groups) {
      group.settle(outcomes.slice(offset, offset + group.changes.length))
      offset += group.changes.length
    }
  }

  /** Settles with the function that gives the turn back. */
  function takeTurn(branch: Branch, path: string, options: CallOptions): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const hold = (): Promise<void> => new Promise((release) => resolve(release))
      const entry: StreamEnd = { alone: true, paths: [path], bytes: 0, authToken: options.authToken, hold }
      queueOf(branch).enter(entry, reject, options.signal)
    })
  }

  return {
    commit: (branch, changes, options) =>
      new Promise((settle, reject) => {
        const bytes = changes.reduce(
          (sum, { content }) => sum + (content && 'raw' in content ? content.raw.length : 0),
          0,
        )
        const paths = changes.map((change) => change.path)
        const entry: Group = { alone: false, paths, bytes, authToken: options.authToken, changes, settle }
        queueOf(branch).enter(entry, reject, options.signal)
      }),

    async stream(branch, { path, body, condition }, options) {
      const over = new AbortController()
      const signal = options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal])
      let turn: Promise<() => void> | undefined
      async function* operations(): AsyncGenerator<FileOperation> {
        yield { deleteFile: { path } }
        for await (const raw of inPieces(body)) yield { addFile: { path, raw } }
        turn = takeTurn(branch, path, { ...options, signal })
        await turn
        const change: Change = { path, content: { raw: new Uint8Array() }, ...(condition && { condition }) }
        const [refusal] = await checkChanges(pfs, branch, [change], options)
        if (refusal !== undefined) throw refusal
      }
      try {
        await pfs.modifyFile({ repo: branch.repo, branch: branch.name }, operations(), options)
        return await confirmHead(pfs, branch, confirm, options)
      } finally {
        // A call that failed before its turn came needs it no longer.
        over.abort(new Error('the stream is over'))
        turn?.then(
          (release) => release(),
          () => undefined,
        )
      }
    },
  }
}

function callOptions(authToken: string | undefined): CallOptions {
  return authToken === undefined ? {} : { authToken }
}
