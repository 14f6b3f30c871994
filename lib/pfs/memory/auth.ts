import { randomBytes } from 'node:crypto'
import type { AuthInfo, CallOptions, PfsClient, Repo, Resource } from '../client.js'
import { PfsError } from '../errors.js'
import { bindingPermission, rolePermissions } from './roles.js'
import type { AuthRecord, State, TokenRecord } from './state.js'

type AuthCalls = Pick<PfsClient, 'whoAmI' | 'activateAuth' | 'getRobotToken' | 'modifyRoleBinding' | 'getRoleBinding'>

const cluster: Resource = { type: 'CLUSTER', name: '' }

/** Switches auth on: `rootToken` is the token of `pach:root`, who may do everything. */
export function activate(state: State, rootToken: string): void {
  state.auth = {
    tokens: new Map([[rootToken, { username: 'pach:root' }]]),
    bindings: new Map([[resourceKey(cluster), new Map([['pach:root', ['clusterAdmin']]])]]),
  }
}

/** The user behind a call, or undefined while auth is not active; throws for no token, an unknown one and an expired one. */
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

/** The roles of a user on a repo and what they permit; a system repo has those of its user repo. */
export function authInfo(state: State, username: string | undefined, repo: Repo): AuthInfo | undefined {
  if (!state.auth || username === undefined) return undefined
  return rightsOn(state.auth, username, [repoResource(repo), { type: 'PROJECT', name: repo.project }, cluster])
}

/**
 * Throws PERMISSION_DENIED unless the caller has the permissions on the repo, with `context` before pachd's text; where
 * there is no such repo, the UNKNOWN of pachd for who has no role on the cluster.
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
  if (!state.repos.has(resource.name)) {
    throw new PfsError('UNKNOWN', `${context}no role binding exists for ${resourceKey(resource)}`)
  }
  throw permissionDenied(username, permissions, resource, context)
}

/** Throws PERMISSION_DENIED unless the caller has the permission on the whole cluster. */
export function authorizeCluster(state: State, options: CallOptions | undefined, permission: string): void {
  const username = authenticate(state, options)
  if (!state.auth || username === undefined) return
  if (rightsOn(state.auth, username, [cluster]).permissions.includes(permission)) return
  throw permissionDenied(username, [permission], cluster)
}

/** Makes the caller the owner of a new user repo. */
export function bindOwner(state: State, username: string | undefined, repo: Repo): void {
  if (!state.auth || username === undefined || repo.type !== 'user') return
  state.auth.bindings.set(resourceKey(repoResource(repo)), new Map([[username, ['repoOwner']]]))
}

/** Forgets who had which role on a deleted user repo. */
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
      authorizeCluster(state, options, 'CLUSTER_AUTH_GET_ROBOT_TOKEN')
      const token = randomBytes(16).toString('hex')
      const username = `robot:${robot}`
      const expiration = new Date(state.now().getTime() + ttlSeconds * 1000)
      tokens.set(token, ttlSeconds > 0 ? { username, expiration } : { username })
      return token
    },

    async modifyRoleBinding({ resource, principal, roles }, options) {
      const { bindings } = active()
      const permission = bindingPermission(resource.type)
      const username = authenticate(state, options)
      const granted = rightsOn(active(), username ?? '', [resource, ...parents(resource)]).permissions
      if (!granted.includes(permission)) throw permissionDenied(username, [permission], resource)
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

function rightsOn(auth: AuthRecord, username: string, resources: readonly Resource[]): AuthInfo {
  const roles = new Set<string>()
  for (const resource of resources) {
    for (const role of auth.bindings.get(resourceKey(resource))?.get(username) ?? []) roles.add(role)
  }
  const permissions = new Set([...roles].flatMap((role) => rolePermissions.get(role) ?? []))
  return { permissions: [...permissions], roles: [...roles] }
}

function parents({ type, name }: Resource): Resource[] {
  if (type === 'CLUSTER') return []
  return type === 'PROJECT' ? [cluster] : [{ type: 'PROJECT', name: name.slice(0, name.indexOf('/')) }, cluster]
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

function resourceKey({ type, name }: Resource): string {
  return `${type} ${name}`
}
