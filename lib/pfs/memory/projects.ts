import type { PfsClient, ProjectInfo } from '../client.js'
import { PfsError } from '../errors.js'
import { authenticate, authorizeProject, bindProjectOwner } from './auth.js'
import { repoName, validateName } from './names.js'
import { dropRepo } from './repos.js'
import type { ProjectRecord, State } from './state.js'

type ProjectCalls = Pick<PfsClient, 'createProject' | 'inspectProject' | 'listProject' | 'deleteProject'>

/** Adds a project without asking who wants it. */
export function addProject(state: State, name: string, description = ''): void {
  state.projects.set(name, { name, description, createdAt: state.now() })
}

/** The calls about projects. */
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
