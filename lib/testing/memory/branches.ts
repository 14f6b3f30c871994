import type { BranchInfo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import type { PachydermApi } from '../pachyderm-api.js'
import { authenticate, authorize } from './auth.js'
import { addCommit, commitFromRecord, finishCommit } from './commit-records.js'
import { findBranch, findCommit, findRepo, missingRepoRow } from './lookup.js'
import { branchName, createCommitId, repoName, validateName } from './names.js'
import type { BranchRecord, CommitRecord, RepoRecord, State } from './state.js'

type BranchCalls = Pick<PachydermApi, 'createBranch' | 'inspectBranch' | 'listBranch' | 'deleteBranch'>

/** Moves a branch to `head`; creates the branch if it is missing. */
export function moveBranch(
  state: State,
  repo: RepoRecord,
  name: string,
  head: CommitRecord,
  createdBy: string,
): BranchRecord {
  const existing = repo.branches.get(name)
  if (existing) {
    existing.head = head
    existing.updatedAt = state.now()
    return existing
  }
  const createdAt = state.now()
  const record: BranchRecord = {
    branch: { repo: repo.repo, name },
    head,
    directProvenance: [],
    directSubvenance: new Set(),
    createdBy,
    createdAt,
    updatedAt: createdAt,
  }
  repo.branches.set(name, record)
  return record
}

/** Throws if other branches have this one as provenance; `context` precedes pachd's text. */
export function refuseSubvenance(record: BranchRecord, context = ''): void {
  if (record.directSubvenance.size === 0) return
  const name = branchName(record.branch)
  const prefix = context && `${context}${name}: `
  const others = [...record.directSubvenance].map(({ branch }) => branchName(branch)).join(' ')
  const message = `branch "${name}" cannot be deleted because it's in the direct provenance of [${others}]`
  throw new PfsError('UNKNOWN', prefix + message)
}

/** Removes the branch from the provenance of others. */
export function detachBranch(record: BranchRecord): void {
  setProvenance(record, [])
  for (const other of record.directSubvenance) {
    other.directProvenance = other.directProvenance.filter((branch) => branch !== record)
  }
}

/** The calls for branches. */
export function createBranchCalls(state: State): BranchCalls {
  return {
    async createBranch({ branch, head, provenance = [] }, options) {
      const username = authenticate(state, options) ?? ''
      validateName(branch.name)
      authorize(state, options, branch.repo, ['REPO_CREATE_BRANCH'])
      const repo = state.repos.get(repoName(branch.repo))
      if (!repo) {
        const commit = `${branch.repo.project}/${branch.repo.name}.${branch.repo.type}@${createCommitId()}`
        throw new PfsError(
          'NOT_FOUND',
          `get commit by commit key: ${missingRepoRow(state, branch.repo)}\ncommit (int_id=0, commit_id=${commit}) not found`,
        )
      }
      const sources = provenance.map((each) => findBranch(state, each))
      const existing = repo.branches.get(branch.name)
      const commit = head
        ? findCommit(state, head, `unable to inspect ${repoName(head.repo)}@${head.id ?? head.branch ?? ''}: `)
        : (existing?.head ?? firstCommit(state, repo, branch.name, sources, username))
      if (repoName(commit.repo) !== repoName(branch.repo)) {
        throw new PfsError(
          'UNKNOWN',
          `branch ${branchName(branch)} and its head ${repoName(commit.repo)}@${commit.id} must be in one repo`,
        )
      }
      setProvenance(moveBranch(state, repo, branch.name, commit, username), sources)
    },

    async inspectBranch(branch, options) {
      authenticate(state, options)
      return infoFromBranch(findBranch(state, branch))
    },

    async *listBranch({ repo, reverse = false }, options) {
      authenticate(state, options)
      authorize(state, options, repo, ['REPO_LIST_BRANCH'])
      const { branches } = findRepo(state, repo)
      const records = [...branches.values()]
      for (const record of reverse ? records : records.reverse()) yield infoFromBranch(record)
    },

    async deleteBranch({ branch, force = false }, options) {
      authenticate(state, options)
      authorize(state, options, branch.repo, ['REPO_DELETE_BRANCH'])
      const repo = state.repos.get(repoName(branch.repo))
      const record = repo?.branches.get(branch.name)
      if (!repo || !record) {
        const name = `${branch.repo.project}/${branch.repo.name}.${branch.repo.type}@${branch.name}`
        throw new PfsError(
          'NOT_FOUND',
          `get branch "${name}": ${repo ? '' : `${missingRepoRow(state, branch.repo)}\n`}branch (id=0, branch=${branchName(branch)}) not found`,
        )
      }
      if (!force) refuseSubvenance(record)
      detachBranch(record)
      repo.branches.delete(branch.name)
    },
  }
}

/** The head of a new branch: empty and finished; open if the branch has provenance. */
function firstCommit(
  state: State,
  repo: RepoRecord,
  branch: string,
  sources: readonly BranchRecord[],
  createdBy: string,
): CommitRecord {
  const directProvenance = sources.map((source) => ({ ...commitFromRecord(source.head), branch: source.branch.name }))
  const commit = addCommit(state, repo, { branch, origin: 'AUTO', createdBy, directProvenance })
  if (sources.length === 0) finishCommit(state, commit)
  return commit
}

function setProvenance(record: BranchRecord, sources: readonly BranchRecord[]): void {
  for (const source of record.directProvenance) source.directSubvenance.delete(record)
  record.directProvenance = sources
  for (const source of sources) source.directSubvenance.add(record)
}

function infoFromBranch(record: BranchRecord): BranchInfo {
  const all = (next: (branch: BranchRecord) => Iterable<BranchRecord>) =>
    [...reach(record, next)].map(({ branch }) => branch)
  return {
    branch: record.branch,
    head: commitFromRecord(record.head),
    provenance: all((branch) => branch.directProvenance),
    subvenance: all((branch) => branch.directSubvenance),
    directProvenance: record.directProvenance.map(({ branch }) => branch),
    createdBy: record.createdBy,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  }
}

/** The branches that are reachable through `next`, directly or indirectly. */
function reach(
  from: BranchRecord,
  next: (branch: BranchRecord) => Iterable<BranchRecord>,
  found = new Set<BranchRecord>(),
): Set<BranchRecord> {
  for (const branch of next(from)) {
    if (found.has(branch)) continue
    found.add(branch)
    reach(branch, next, found)
  }
  return found
}
