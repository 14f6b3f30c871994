import { randomBytes } from 'node:crypto'
import type { AuthInfo, CallOptions, Repo } from '../../pfs/client.js'
import { PfsError } from '../../pfs/errors.js'
import type { PachydermApi, Resource } from '../pachyderm-api.js'
import type { AuthRecord, State, TokenRecord } from './state.js'

type AuthCalls = Pick<
  PachydermApi,
  'whoAmI' | 'activateAuth' | 'getRobotToken' | 'modifyRoleBinding' | 'getRoleBinding'
>

const cluster: Resource = { type: 'CLUSTER', name: '' }

/** The principal whose roles every user has. */
const everybody = 'allClusterUsers'

/** Activates auth: `rootToken` is the token of `pach:root`, which has all permissions. */
export function activate(state: State, rootToken: string): void {
  const clusterRoles = new Map([
    [everybody, ['projectCreator']],
    ['pach:root', ['clusterAdmin']],
  ])
  state.auth = {
    tokens: new Map([[rootToken, { username: 'pach:root' }]]),
    bindings: new Map([
      [resourceKey(cluster), clusterRoles],
      [resourceKey(projectResource('default')), new Map([[everybody, ['projectWriter']]])],
    ]),
  }
}

/** The user of a call; undefined if auth is not active. Throws if the token is missing, unknown or expired. */
export function authenticate(state: State, options: CallOptions | undefined): string | undefined {
  return state.auth && tokenOf(state, state.auth, options).username
}

function tokenOf(state: State, auth: AuthRecord, options: CallOptions | undefined): TokenRecord {
  if (!options?.authToken) {
    throw new PfsError('UNAUTHENTICATED', 'no authentication token (try logging in)')
  }
  const token = auth.tokens.get(options.authToken)
  if (!token) {
    throw new PfsError('UNAUTHENTICATED', 'provided auth token is corrupted or has expired (try logging in again)')
  }
  if (token.expiration && token.expiration <= state.now()) {
    throw new PfsError('INTERNAL', 'token expiration is in the past')
  }
  return token
}

/** The roles of a user on a repo, and their permissions; a system repo has those of its user repo. */
export function authInfo(state: State, username: string | undefined, repo: Repo): AuthInfo | undefined {
  if (!state.auth || username === undefined) return undefined
  return rightsOn(state.auth, username, repoResource(repo))
}

/**
 * Throws PERMISSION_DENIED unless the caller has the permissions on the repo; `context` precedes pachd's text. If the repo
 * or project is missing, a caller without a cluster role gets UNKNOWN instead: no role binding exists for it.
 */
export function authorize(
  state: State,
  options: CallOptions | undefined,
  repo: Repo,
  permissions: readonly string[],
  context = '',
): void {
  const username = authenticate(state, options)
  const granted = authInfo(state, username, repo)?.permissions
  if (!granted || permissions.every((permission) => granted.includes(permission))) return
  const resource = repoResource(repo)
  if (!state.projects.has(repo.project)) throw noRoleBinding(projectResource(repo.project), context)
  if (!state.repos.has(resource.name)) throw noRoleBinding(resource, context)
  throw permissionDenied(username, permissions, resource, context)
}

/** Throws PERMISSION_DENIED unless the caller has the permission on the project; `context` precedes pachd's text. */
export function authorizeProject(
  state: State,
  options: CallOptions | undefined,
  project: string,
  permission: string,
  context = '',
): void {
  requirePermission(state, options, projectResource(project), permission, context)
}

function requirePermission(
  state: State,
  options: CallOptions | undefined,
  resource: Resource,
  permission: string,
  context = '',
): void {
  const username = authenticate(state, options)
  if (!state.auth || username === undefined) return
  if (rightsOn(state.auth, username, resource).permissions.includes(permission)) return
  throw permissionDenied(username, [permission], resource, context)
}

/** Makes the caller the owner of a new project. */
export function bindProjectOwner(state: State, username: string | undefined, project: string): void {
  if (!state.auth || username === undefined) return
  state.auth.bindings.set(resourceKey(projectResource(project)), new Map([[username, ['projectOwner']]]))
}

/** Makes the caller the owner of a new user repo. */
export function bindOwner(state: State, username: string | undefined, repo: Repo): void {
  if (!state.auth || username === undefined || repo.type !== 'user') return
  state.auth.bindings.set(resourceKey(repoResource(repo)), new Map([[username, ['repoOwner']]]))
}

/** Deletes the role bindings of a deleted user repo. */
export function deleteBindings(state: State, repo: Repo): void {
  if (repo.type === 'user') state.auth?.bindings.delete(resourceKey(repoResource(repo)))
}

/** The calls of `auth_v2.API`. */
export function createAuthCalls(state: State): AuthCalls {
  function active(): AuthRecord {
    if (!state.auth) throw new PfsError('UNIMPLEMENTED', 'the auth service is not activated')
    return state.auth
  }

  return {
    async whoAmI(options) {
      const { username, expiration } = tokenOf(state, active(), options)
      return expiration ? { username, expiration } : { username }
    },

    async activateAuth({ rootToken = randomBytes(16).toString('hex') }) {
      if (state.auth) throw new PfsError('UNIMPLEMENTED', 'the auth service is already activated')
      activate(state, rootToken)
      return rootToken
    },

    async getRobotToken({ robot, ttlSeconds = 0 }, options) {
      const { tokens } = active()
      requirePermission(state, options, cluster, 'CLUSTER_AUTH_GET_ROBOT_TOKEN')
      const token = randomBytes(16).toString('hex')
      const username = `robot:${robot}`
      const expiration = new Date(state.now().getTime() + ttlSeconds * 1000)
      tokens.set(token, ttlSeconds > 0 ? { username, expiration } : { username })
      return token
    },

    async modifyRoleBinding({ resource, principal, roles }, options) {
      const { bindings } = active()
      requireResource(state, resource)
      requirePermission(state, options, resource, bindingPermission(resource.type))
      const key = resourceKey(resource)
      const binding = bindings.get(key) ?? new Map<string, readonly string[]>()
      if (roles.length > 0) binding.set(principal, roles)
      else binding.delete(principal)
      bindings.set(key, binding)
    },

    async getRoleBinding(resource, options) {
      const { bindings } = active()
      authenticate(state, options)
      return new Map(bindings.get(resourceKey(resource)))
    },
  }
}

/** Roles of a wider resource come first; a role without permissions on repos is not listed for a repo. */
function rightsOn(auth: AuthRecord, username: string, resource: Resource): AuthInfo {
  const roles: string[] = []
  for (const each of [...parents(resource), resource]) {
    const binding = auth.bindings.get(resourceKey(each))
    roles.push(...(binding?.get(username) ?? []), ...(binding?.get(everybody) ?? []))
  }
  const own = roles.filter((role) => resource.type !== 'REPO' || rolePermissions.get(role)?.includes('REPO_READ'))
  return { permissions: own.flatMap((role) => rolePermissions.get(role) ?? []), roles: own }
}

function requireResource(state: State, resource: Resource): void {
  const [project = '', repo] = resource.name.split('/')
  if (resource.type !== 'CLUSTER' && !state.projects.has(project)) throw noRoleBinding(projectResource(project))
  if (repo !== undefined && !state.repos.has(resource.name)) throw noRoleBinding(resource)
}

function noRoleBinding(resource: Resource, context = ''): PfsError {
  return new PfsError('UNKNOWN', `${context}no role binding exists for ${resourceKey(resource)}`)
}

function parents({ type, name }: Resource): Resource[] {
  if (type === 'CLUSTER') return []
  return type === 'PROJECT' ? [cluster] : [cluster, projectResource(name.slice(0, name.indexOf('/')))]
}

function permissionDenied(
  username: string | undefined,
  permissions: readonly string[],
  resource: Resource,
  context = '',
): PfsError {
  return new PfsError(
    'PERMISSION_DENIED',
    `${context}${username} is not authorized to perform this operation - needs permissions [${permissions.join(' ')}] on ` +
      `${resource.type} ${resource.name}. Run \`pachctl auth roles-for-permission\` to find roles that grant a given permission.`,
  )
}

function repoResource(repo: Repo): Resource {
  return { type: 'REPO', name: `${repo.project}/${repo.name}` }
}

function projectResource(name: string): Resource {
  return { type: 'PROJECT', name }
}

function resourceKey({ type, name }: Resource): string {
  return `${type} ${name}`
}

const repoReader = [
  'REPO_READ',
  'REPO_INSPECT_COMMIT',
  'REPO_LIST_COMMIT',
  'REPO_LIST_BRANCH',
  'REPO_LIST_FILE',
  'REPO_INSPECT_FILE',
  'REPO_ADD_PIPELINE_READER',
  'REPO_REMOVE_PIPELINE_READER',
  'PIPELINE_LIST_JOB',
]

const repoWriter = [
  ...repoReader,
  'REPO_WRITE',
  'REPO_DELETE_COMMIT',
  'REPO_CREATE_BRANCH',
  'REPO_DELETE_BRANCH',
  'REPO_ADD_PIPELINE_WRITER',
]

const repoOwner = [...repoWriter, 'REPO_MODIFY_BINDINGS', 'REPO_DELETE']

const projectWriter = ['PROJECT_LIST_REPO', 'PROJECT_CREATE_REPO']

const projectOwner = [...repoOwner, ...projectWriter, 'PROJECT_DELETE', 'PROJECT_MODIFY_BINDINGS']

const projectCreator = ['PROJECT_CREATE']

/** pachd's has many more permissions on the cluster, which no PfsClient call needs. */
const clusterAdmin = [...projectOwner, ...projectCreator, 'CLUSTER_MODIFY_BINDINGS', 'CLUSTER_AUTH_GET_ROBOT_TOKEN']

/** The permissions of each known role, in pachd's order. */
const rolePermissions: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({ repoReader, repoWriter, repoOwner, projectWriter, projectOwner, projectCreator, clusterAdmin }),
)

/** The permission to change the role bindings of a resource. */
function bindingPermission(type: Resource['type']): string {
  if (type === 'CLUSTER') return 'CLUSTER_MODIFY_BINDINGS'
  return type === 'PROJECT' ? 'PROJECT_MODIFY_BINDINGS' : 'REPO_MODIFY_BINDINGS'
}
