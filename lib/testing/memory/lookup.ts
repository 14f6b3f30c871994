import type { Branch, Commit, Repo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { branchName, isCommitId, repoName } from './names.js'
import type { BranchRecord, CommitRecord, RepoRecord, State } from './state.js'

/** The record of a repo; throws NOT_FOUND, and `context` precedes pachd's text. */
export function findRepo(state: State, repo: Repo, context = ''): RepoRecord {
  const record = state.repos.get(repoName(repo))
  if (!record) throw new PfsError('NOT_FOUND', `${context}repo ${repoName(repo)} not found`)
  return record
}

/** The record of a commit, by id or by branch, minus each `^`; throws NOT_FOUND, and `context` precedes pachd's text. */
export function findCommit(state: State, commit: Commit, context = ''): CommitRecord {
  const name = repoName(commit.repo)
  const prefix = `${context}pick commit tx: commit ${name}@${commit.id ?? ''} not found\n`
  refuseMissingProject(state, commit, context)
  const { commits, branches } = findRepo(state, commit.repo, prefix)
  const { base, steps } = parseAncestry(commit.id || commit.branch || '')
  const record = commit.id ? commits.get(base) : branches.get(base)?.head
  if (record) return findAncestor(record, steps, context)
  if (commit.id && isCommitId(base)) throw new PfsError('NOT_FOUND', `${prefix}commit ${name}@${commit.id} not found`)
  // pachd reads any other id as a branch, and crashes formatting the name of the branch, which was not sent.
  if (commit.id && commit.branch === undefined) {
    throw new PfsError('ABORTED', 'panic: runtime error: invalid memory address or nil pointer dereference')
  }
  throw new PfsError('NOT_FOUND', `${prefix}branch "${commit.branch ?? ''}" not found in repo ${name}`)
}

function findAncestor(start: CommitRecord, steps: number, context: string): CommitRecord {
  let record = start
  for (let step = 0; step < steps; step++) {
    if (!record.parent) {
      const { project, name, type } = start.repo
      throw new PfsError(
        'UNKNOWN',
        `${context}pick commit tx: picking commit: invalid offset for ancestor of commit: ` +
          `${project}/${name}.${type}@${start.id}, offset requested: ${steps}, offset traversable: ${step}`,
      )
    }
    record = record.parent
  }
  return record
}

function refuseMissingProject(state: State, { repo, id }: Commit, context: string): void {
  if (state.projects.has(repo.project)) return
  const picking = id && isCommitId(id) ? 'picking commit' : 'picking commit: picking branch'
  const message = `${picking}: picking repo: picking project: project "${repo.project}" not found`
  throw new PfsError('NOT_FOUND', `${context}pick commit tx: ${message}`)
}

/** The record of a branch; throws NOT_FOUND as `InspectBranch` does. */
export function findBranch(state: State, branch: Branch): BranchRecord {
  const repo = state.repos.get(repoName(branch.repo))
  const record = repo?.branches.get(branch.name)
  if (record) return record
  const missingRepo = repo ? '' : `${missingRepoRow(state, branch.repo)}\n`
  throw new PfsError(
    'NOT_FOUND',
    `inspect branch in transaction: ${missingRepo}branch (id=0, branch=${branchName(branch)}) not found\n` +
      `branch "${branch.name}" not found in repo ${repoName(branch.repo)}`,
  )
}

/** The text of pachd's database for a missing repo. */
export function missingRepoRow(state: State, { project, name, type }: Repo): string {
  const missingProject = state.projects.has(project) ? '' : `get project by name: project "${project}" not found\n`
  return `${missingProject}repo (id=0, project=${project}, name=${name}, type=${type}) not found`
}

/** `name^^` and `name^2` both mean two commits before `name`. */
function parseAncestry(text: string): { base: string; steps: number } {
  const start = text.indexOf('^')
  if (start === -1) return { base: text, steps: 0 }
  let steps = 0
  for (const [, digits] of text.slice(start).matchAll(/\^(\d*)/g)) steps += digits ? Number(digits) : 1
  return { base: text.slice(0, start), steps }
}
