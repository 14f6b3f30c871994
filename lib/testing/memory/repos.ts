import { fileSetRepo, type ProjectInfo, type Repo, type RepoInfo, type RepoType } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import type { PachydermApi } from '../pachyderm-api.js'
import {
  authenticate,
  authInfo,
  authorize,
  authorizeProject,
  bindOwner,
  bindProjectOwner,
  deleteBindings,
} from './auth.js'
import { detachBranch, refuseSubvenance } from './branches.js'
import { findRepo } from './lookup.js'
import { repoName, validateName } from './names.js'
import type { ProjectRecord, RepoRecord, State } from './state.js'

type RepoCalls = Pick<PachydermApi, 'createRepo' | 'inspectRepo' | 'listRepo' | 'deleteRepo'>

const repoTypes: readonly RepoType[] = ['user', 'meta', 'spec']

/** Adds a repo without checking permissions; with auth active, `createdBy` becomes its owner. */
export function addRepo(
  state: State,
  repo: Repo,
  { description = '', createdBy }: { readonly description?: string; readonly createdBy: string | undefined },
): RepoRecord {
  const record: RepoRecord = { repo, description, created: state.now(), branches: new Map(), commits: new Map() }
  state.repos.set(repoName(repo), record)
  bindOwner(state, createdBy, repo)
  return record
}

/** Deletes a repo with its branches and commits; deletes the system repos of a user repo, too. */
function dropRepo(state: State, record: RepoRecord): void {
  for (const { repo } of withSystemRepos(state, record)) {
    const dropped = state.repos.get(repoName(repo))
    state.repos.delete(repoName(repo))
    deleteBindings(state, repo)
    for (const branch of dropped?.branches.values() ?? []) detachBranch(branch)
    for (const commit of dropped?.commits.values() ?? []) for (const wake of commit.waiting) wake()
  }
}

/** The calls for repos. */
export function createRepoCalls(state: State): RepoCalls {
  return {
    async createRepo({ repo, description = '', update = false }, options) {
      const username = authenticate(state, options)
      validateNewRepo(state, repo)
      const existing = state.repos.get(repoName(repo))
      if (existing && !update) throw new PfsError('ALREADY_EXISTS', `repo ${repoName(repo)} already exists`)
      if (existing) {
        authorize(state, options, repo, ['REPO_WRITE'])
        existing.description = description
        return
      }
      authorizeProject(state, options, repo.project, 'PROJECT_CREATE_REPO', 'failed to create repo: ')
      addRepo(state, repo, { description, createdBy: username })
    },

    async inspectRepo(repo, options) {
      const username = authenticate(state, options)
      const record = findRepo(state, repo)
      return {
        ...infoFromRepo(state, record, username),
        sizeBytesUpperBound: 0,
        sizeBytes: sizeOfMaster(record),
      }
    },

    async *listRepo({ type, projects }, options) {
      const username = authenticate(state, options)
      const records = [...state.repos.values()].filter(({ repo }) => !type || repo.type === type)
      for (const record of records.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))) {
        if (projects && projects.length > 0 && !projects.includes(record.repo.project)) continue
        yield infoFromRepo(state, record, username)
      }
    },

    async deleteRepo({ repo, force = false }, options) {
      const username = authenticate(state, options)
      const record = state.repos.get(repoName(repo))
      const permissions = authInfo(state, username, repo)?.permissions
      if (!record || (permissions && !permissions.includes('REPO_DELETE'))) return false
      if (!force) {
        for (const { branches } of withSystemRepos(state, record)) {
          for (const branch of branches.values()) refuseSubvenance(branch, 'delete repo: delete branch ')
        }
      }
      dropRepo(state, record)
      return true
    },
  }
}

function validateNewRepo(state: State, repo: Repo): void {
  validateName(repo.name)
  if (repo.name === fileSetRepo.name) throw new PfsError('UNKNOWN', `${repo.name} is a reserved name`)
  if (!state.projects.has(repo.project)) {
    const message = `cannot find project "${repo.project}": get project by name: project "${repo.project}" not found`
    throw new PfsError('NOT_FOUND', message)
  }
  if (!repoTypes.includes(repo.type)) {
    throw new PfsError(
      'UNKNOWN',
      `error checking whether repo "${repoName(repo)}" exists: scanning repo row: ERROR: invalid input value for ` +
        `enum pfs.repo_type: "${repo.type}" (SQLSTATE 22P02)`,
    )
  }
  if (repo.type !== 'user' && !state.repos.has(repoName({ ...repo, type: 'user' }))) {
    throw new PfsError(
      'NOT_FOUND',
      "cannot create a system repo without a corresponding 'user' repo: " +
        `repo (id=0, project=${repo.project}, name=${repo.name}, type=user) not found`,
    )
  }
}

function withSystemRepos(state: State, record: RepoRecord): RepoRecord[] {
  if (record.repo.type !== 'user') return [record]
  return repoTypes.flatMap((type) => state.repos.get(repoName({ ...record.repo, type })) ?? [])
}

function infoFromRepo(state: State, record: RepoRecord, username: string | undefined): RepoInfo {
  const rights = authInfo(state, username, record.repo)
  return {
    repo: record.repo,
    description: record.description,
    created: record.created,
    sizeBytesUpperBound: upperBoundOfMaster(record),
    branches: [...record.branches.values()].map(({ branch }) => branch),
    ...(rights && { authInfo: rights }),
  }
}

function sizeOfMaster({ branches }: RepoRecord): number {
  const head = branches.get('master')?.head
  return head?.finished ? head.snapshot.root.bytes : 0
}

/** The size of the newest closed commit of `master`. */
function upperBoundOfMaster({ branches }: RepoRecord): number {
  let commit = branches.get('master')?.head
  while (commit && !commit.finishing) commit = commit.parent
  return commit?.snapshot.root.bytes ?? 0
}

function sortKey({ repo }: RepoRecord): string {
  return `${repo.project}\0${repo.name}\0${repoTypes.indexOf(repo.type)}`
}

type ProjectCalls = Pick<PachydermApi, 'createProject' | 'inspectProject' | 'listProject' | 'deleteProject'>

/** Adds a project without checking permissions. */
export function addProject(state: State, name: string, description = ''): void {
  state.projects.set(name, { name, description, createdAt: state.now() })
}

/** The calls for projects. */
export function createProjectCalls(state: State): ProjectCalls {
  return {
    async createProject({ project, description = '', update = false }, options) {
      const username = authenticate(state, options)
      validateName(project)
      const existing = state.projects.get(project)
      if (!existing) {
        addProject(state, project, description)
        bindProjectOwner(state, username, project)
        return
      }
      if (!update) {
        const message = `project "${project}" already exists\nproject ${project} already exists`
        throw new PfsError('ALREADY_EXISTS', message)
      }
      existing.description = description
    },

    async inspectProject(project, options) {
      authenticate(state, options)
      const record = state.projects.get(project)
      if (record) return infoFromProject(record)
      const message = `error getting project "${project}": get project by name: project "${project}" not found`
      throw new PfsError('NOT_FOUND', message)
    },

    async *listProject(options) {
      authenticate(state, options)
      for (const record of [...state.projects.values()]) yield infoFromProject(record)
    },

    async deleteProject({ project, force = false }, options) {
      authorizeProject(state, options, project, 'PROJECT_DELETE')
      if (!state.projects.has(project)) throw new PfsError('NOT_FOUND', `project "${project}" not found`)
      const repos = [...state.repos.values()].filter(({ repo }) => repo.project === project)
      const [left] = repos
      if (left && !force) {
        const message = `cannot delete project ${project}: repo ${repoName(left.repo)} still exists`
        throw new PfsError('FAILED_PRECONDITION', message)
      }
      for (const record of repos) dropRepo(state, record)
      state.projects.delete(project)
    },
  }
}

function infoFromProject({ name, description, createdAt }: ProjectRecord): ProjectInfo {
  return { name, description, createdAt }
}
