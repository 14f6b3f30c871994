import type { AuthInfo } from '../../client.js'
import { Permission } from '../generated/auth_pb.cjs'
import * as pfs from '../generated/pfs_pb.cjs'

/** The permissions that the gateway's `.proto` names: those of a repo, and of a pipeline in it. */
const permissions = Object.entries(Permission).filter(
  (entry): entry is [name: string, number: Permission] => typeof entry[1] === 'number' && entry[1] !== 0,
)
const numbers: ReadonlyMap<string, Permission> = new Map(permissions)
const names: ReadonlyMap<Permission, string> = new Map(permissions.map(([name, number]) => [number, name]))

/** What the caller may do with a repo; a permission that has no number is left out. */
export function messageFromAuthInfo(info: AuthInfo): pfs.AuthInfo {
  const list = info.permissions.flatMap((name) => numbers.get(name) ?? [])
  return new pfs.AuthInfo().setPermissionsList(list).setRolesList([...info.roles])
}

/** A permission that has no name here, being none of a repo, shows as its number. */
export function authInfoFromMessage(message: pfs.AuthInfo): AuthInfo {
  return {
    permissions: message.getPermissionsList().map((number) => names.get(number) ?? String(number)),
    roles: message.getRolesList(),
  }
}
