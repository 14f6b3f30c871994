import type { Resource, ResourceType, WhoAmI } from '../../client.js'
import { PfsError } from '../../errors.js'
import * as auth from '../generated/auth_pb.cjs'
import { createCodec, dateFromMessage, messageFromDate } from './codec.js'

const resourceTypes: readonly ResourceType[] = ['CLUSTER', 'REPO', 'SPEC_REPO', 'PROJECT', 'JOB']

function messageFromResource(resource: Resource): auth.Resource {
  return new auth.Resource().setType(auth.ResourceType[resource.type]).setName(resource.name)
}

function resourceFromMessage(message: auth.Resource | undefined): Resource {
  const number = message?.getType()
  const type = resourceTypes.find((candidate) => auth.ResourceType[candidate] === number)
  if (message === undefined || type === undefined) throw new PfsError('UNKNOWN', 'unknown resource type')
  return { type, name: message.getName() }
}

/** Requests a token for the root user. */
export const activateRequest = createCodec(
  auth.ActivateRequest,
  (request: { rootToken?: string }) => new auth.ActivateRequest().setRootToken(request.rootToken ?? ''),
  (message) => {
    const rootToken = message.getRootToken()
    return { ...(rootToken && { rootToken }) }
  },
)

/** The root user's token. */
export const activateResponse = createCodec(
  auth.ActivateResponse,
  (token: string) => new auth.ActivateResponse().setPachToken(token),
  (message) => message.getPachToken(),
)

export const whoAmIResponse = createCodec(
  auth.WhoAmIResponse,
  (who: WhoAmI) => new auth.WhoAmIResponse().setUsername(who.username).setExpiration(messageFromDate(who.expiration)),
  (message): WhoAmI => {
    const expiration = dateFromMessage(message.getExpiration())
    return { username: message.getUsername(), ...(expiration && { expiration }) }
  },
)

export const getRobotTokenRequest = createCodec(
  auth.GetRobotTokenRequest,
  (request: { robot: string; ttlSeconds?: number }) =>
    new auth.GetRobotTokenRequest().setRobot(request.robot).setTtl(request.ttlSeconds ?? 0),
  (message) => ({ robot: message.getRobot(), ttlSeconds: message.getTtl() }),
)

/** The robot's token. */
export const getRobotTokenResponse = createCodec(
  auth.GetRobotTokenResponse,
  (token: string) => new auth.GetRobotTokenResponse().setToken(token),
  (message) => message.getToken(),
)

export const modifyRoleBindingRequest = createCodec(
  auth.ModifyRoleBindingRequest,
  (request: { resource: Resource; principal: string; roles: readonly string[] }) =>
    new auth.ModifyRoleBindingRequest()
      .setResource(messageFromResource(request.resource))
      .setPrincipal(request.principal)
      .setRolesList([...request.roles]),
  (message) => ({
    resource: resourceFromMessage(message.getResource()),
    principal: message.getPrincipal(),
    roles: message.getRolesList(),
  }),
)

export const getRoleBindingRequest = createCodec(
  auth.GetRoleBindingRequest,
  (resource: Resource) => new auth.GetRoleBindingRequest().setResource(messageFromResource(resource)),
  (message) => resourceFromMessage(message.getResource()),
)

function rolesFromMessage(message: auth.Roles): string[] {
  const entries = [...message.getRolesMap().entries()]
  return entries.filter(([, held]) => held).map(([role]) => role)
}

/** Roles by principal. */
export const getRoleBindingResponse = createCodec(
  auth.GetRoleBindingResponse,
  (rolesByPrincipal: ReadonlyMap<string, readonly string[]>) => {
    const binding = new auth.RoleBinding()
    for (const [principal, roles] of rolesByPrincipal) {
      const message = new auth.Roles()
      for (const role of roles) message.getRolesMap().set(role, true)
      binding.getEntriesMap().set(principal, message)
    }
    return new auth.GetRoleBindingResponse().setBinding(binding)
  },
  (message): ReadonlyMap<string, readonly string[]> => {
    const entries = [...(message.getBinding()?.getEntriesMap().entries() ?? [])]
    return new Map(entries.map(([principal, roles]) => [principal, rolesFromMessage(roles)]))
  },
)
