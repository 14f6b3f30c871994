import type { Repo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import { moveBranch } from './branches.js'
import { addCommit, commitError, finishCommit, writeInto } from './commit-records.js'
import { validateName } from './names.js'
import { parseWritePath } from './paths.js'
import { addProject, addRepo } from './repos.js'
import type { RepoRecord, SeededFiles, SeededRepos, State } from './state.js'
import { addRaw, type Changes, createChanges, deletePath } from './store/changes.js'

/**
 * Creates the repos with their branches, and the projects that contain them. A branch without files has one empty commit,
 * as after CreateBranch.
 *
 * @throws PfsError for a name or path that pachd refuses, and for a file and a directory of the same name
 */
export function seed(state: State, repos: SeededRepos): void {
  const createdBy = state.auth === undefined ? '' : 'pach:root'
  for (const [name, branches] of Object.entries(repos)) {
    const repo = repoFrom(name)
    if (!state.projects.has(repo.project)) addProject(state, repo.project)
    const record = addRepo(state, repo, { createdBy })
    for (const [branch, files] of Object.entries(branches)) {
      validateName(branch)
      seedBranch(state, record, branch, Array.isArray(files) ? files : [files as SeededFiles], createdBy)
    }
  }
}

function repoFrom(text: string): Repo {
  const [name = '', project = 'default', ...rest] = text.split('.')
  for (const part of [name, project, ...rest]) validateName(part)
  if (rest.length > 0) throw new PfsError('UNKNOWN', `${text} is not a repo: use name or name.project`)
  return { project, name, type: 'user' }
}

function seedBranch(
  state: State,
  repo: RepoRecord,
  branch: string,
  commits: readonly SeededFiles[],
  createdBy: string,
): void {
  for (const files of commits) {
    const parent = repo.branches.get(branch)?.head
    const origin = parent === undefined && Object.keys(files).length === 0 ? 'AUTO' : 'USER'
    const commit = addCommit(state, repo, { branch, origin, createdBy, parent })
    writeInto(commit, [changesFrom(files)])
    finishCommit(state, commit)
    const error = commitError(commit)
    if (error !== '') throw new PfsError('UNKNOWN', error)
    moveBranch(state, repo, branch, commit, createdBy)
  }
}

function changesFrom(files: SeededFiles): Changes {
  const changes = createChanges()
  for (const [name, content] of Object.entries(files)) {
    const path = parseWritePath(name)
    deletePath(changes, path)
    if (content !== null) addRaw(changes, path, typeof content === 'string' ? Buffer.from(content) : content)
  }
  return changes
}
