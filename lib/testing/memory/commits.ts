import type { CallOptions, CommitState } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import type { PachydermApi } from '../pachyderm-api.js'
import { authenticate, authorize } from './auth.js'
import { moveBranch } from './branches.js'
import { untilCancelled } from './cancellation.js'
import {
  addCommit,
  closeCommit,
  commitFromRecord,
  infoFromCommit,
  listInfoFromCommit,
  refuseClosed,
} from './commit-records.js'
import { findCommit, findRepo } from './lookup.js'
import { branchName, repoName, validateName } from './names.js'
import type { CommitRecord, RepoRecord, State } from './state.js'

type CommitCalls = Pick<PachydermApi, 'startCommit' | 'finishCommit' | 'inspectCommit' | 'listCommit'>

/** Throws if the branch has provenance, so that clients cannot start its commits; `context` precedes pachd's text. */
export function refuseOutputBranch(repo: RepoRecord, name: string, context = ''): void {
  const record = repo.branches.get(name)
  if (!record || record.directProvenance.length === 0) return
  throw new PfsError('UNKNOWN', `${context}cannot start a commit on an output branch: ${branchName(record.branch)}`)
}

/** The calls for commits. */
export function createCommitCalls(state: State): CommitCalls {
  return {
    async startCommit({ branch, parent, description = '' }, options) {
      const createdBy = authenticate(state, options) ?? ''
      const context = 'start commit in transaction: '
      authorize(state, options, branch.repo, ['REPO_WRITE'], context)
      const repo = findRepo(state, branch.repo, context)
      validateName(branch.name)
      refuseOutputBranch(repo, branch.name, context)
      const base = parent ? findCommit(state, parent) : repo.branches.get(branch.name)?.head
      if (base && !base.finishing) {
        const name = `${repoName(base.repo)}@${base.id}`
        const message = `${context}create commit: parent commit ${name} has not been finished`
        throw new PfsError('UNKNOWN', message)
      }
      const commit = addCommit(state, repo, {
        branch: branch.name,
        origin: 'USER',
        createdBy,
        parent: base,
        description,
      })
      moveBranch(state, repo, branch.name, commit, createdBy)
      return commitFromRecord(commit)
    },

    async finishCommit({ commit, description, error }, options) {
      authenticate(state, options)
      authorize(state, options, commit.repo, ['REPO_WRITE'])
      const record = findCommit(state, commit, 'finish commit in transaction: ')
      refuseClosed(record)
      if (description) record.description = description
      closeCommit(state, record, error)
    },

    async inspectCommit({ commit, wait = 'STARTED' }, options) {
      authenticate(state, options)
      authorize(state, options, commit.repo, ['REPO_INSPECT_COMMIT'])
      const record = findCommit(state, commit)
      await untilReached(state, record, wait, options)
      return infoFromCommit(record)
    },

    async *listCommit({ repo, from, to, number = 0, reverse = false }, options) {
      authenticate(state, options)
      authorize(state, options, repo, ['REPO_LIST_COMMIT'])
      const { commits } = findRepo(state, repo, 'ensure repo exists: ')
      if (reverse && (from || to)) throw new PfsError('UNKNOWN', "cannot use 'Reverse' while also using 'From' or 'To'")
      const end = from && findCommit(state, from)
      const all = [...commits.values()]
      let left = number > 0 ? number : Number.POSITIVE_INFINITY
      for (const record of to ? ancestry(findCommit(state, to)) : reverse ? all : all.reverse()) {
        if (record === end || left-- <= 0) return
        yield listInfoFromCommit(record)
      }
    },
  }
}

/** A commit, its parent, its parent's parent, and so on. */
export function* ancestry(commit: CommitRecord): Generator<CommitRecord> {
  for (let record: CommitRecord | undefined = commit; record; record = record.parent) yield record
}

/** Waits until a commit has reached a state; throws NOT_FOUND if it is deleted. */
export async function untilReached(
  state: State,
  commit: CommitRecord,
  wanted: CommitState,
  options: CallOptions | undefined,
): Promise<void> {
  while (!hasReached(commit, wanted)) await nextChange(state, commit, options)
}

function hasReached(commit: CommitRecord, state: CommitState): boolean {
  if (state === 'FINISHED') return commit.finished !== undefined
  return state !== 'FINISHING' || commit.finishing !== undefined
}

async function nextChange(state: State, commit: CommitRecord, options: CallOptions | undefined): Promise<void> {
  let wake = () => {}
  const changed = new Promise<void>((resolve) => {
    wake = resolve
  })
  commit.waiting.add(wake)
  try {
    await untilCancelled(changed, options?.signal)
  } finally {
    commit.waiting.delete(wake)
  }
  findCommit(state, commitFromRecord(commit))
}
