import type { Branch, Commit } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'
import {
  branchFromMessage,
  commitFromMessage,
  createCodec,
  empty,
  messageFromBranch,
  messageFromCommit,
  messageFromProject,
} from '../pfs/grpc/codec/codec.js'
import { createFileSetResponse } from '../pfs/grpc/codec/files.js'
import { projectInfo } from '../pfs/grpc/codec/repos.js'
import * as auth from '../pfs/grpc/generated/auth_pb.cjs'
import * as pfs from '../pfs/grpc/generated/pfs_pb.cjs'
import { download, methods, unary } from '../pfs/grpc/methods.js'
import type { FindCommitsResult, Resource, ResourceType } from './pachyderm-api.js'

const createProjectRequest = createCodec(
  pfs.CreateProjectRequest,
  (request: { project: string; description?: string; update?: boolean }) =>
    new pfs.CreateProjectRequest()
      .setProject(messageFromProject(request.project))
      .setDescription(request.description ?? '')
      .setUpdate(request.update ?? false),
  (message) => ({
    project: message.getProject()?.getName() ?? '',
    description: message.getDescription(),
    update: message.getUpdate(),
  }),
)

const deleteProjectRequest = createCodec(
  pfs.DeleteProjectRequest,
  (request: { project: string; force?: boolean }) =>
    new pfs.DeleteProjectRequest().setProject(messageFromProject(request.project)).setForce(request.force ?? false),
  (message) => ({ project: message.getProject()?.getName() ?? '', force: message.getForce() }),
)

const commit = createCodec(pfs.Commit, messageFromCommit, commitFromMessage)

const startCommitRequest = createCodec(
  pfs.StartCommitRequest,
  (request: { branch: Branch; parent?: Commit; description?: string }) =>
    new pfs.StartCommitRequest()
      .setBranch(messageFromBranch(request.branch))
      .setParent(request.parent && messageFromCommit(request.parent))
      .setDescription(request.description ?? ''),
  (message) => {
    const parent = message.getParent()
    return {
      branch: branchFromMessage(message.getBranch()),
      ...(parent && { parent: commitFromMessage(parent) }),
      description: message.getDescription(),
    }
  },
)

const finishCommitRequest = createCodec(
  pfs.FinishCommitRequest,
  (request: { commit: Commit; description?: string; error?: string; force?: boolean }) =>
    new pfs.FinishCommitRequest()
      .setCommit(messageFromCommit(request.commit))
      .setDescription(request.description ?? '')
      .setError(request.error ?? '')
      .setForce(request.force ?? false),
  (message) => ({
    commit: commitFromMessage(message.getCommit()),
    description: message.getDescription(),
    error: message.getError(),
    force: message.getForce(),
  }),
)

const findCommitsRequest = createCodec(
  pfs.FindCommitsRequest,
  (request: { start: Commit; filePath: string; limit?: number }) =>
    new pfs.FindCommitsRequest()
      .setStart(messageFromCommit(request.start))
      .setFilePath(request.filePath)
      .setLimit(request.limit ?? 0),
  (message) => ({
    start: commitFromMessage(message.getStart()),
    filePath: message.getFilePath(),
    limit: message.getLimit(),
  }),
)

const findCommitsResponse = createCodec(
  pfs.FindCommitsResponse,
  (result: FindCommitsResult) => {
    const message = new pfs.FindCommitsResponse().setCommitsSearched(result.commitsSearched)
    return 'foundCommit' in result
      ? message.setFoundCommit(messageFromCommit(result.foundCommit))
      : message.setLastSearchedCommit(messageFromCommit(result.lastSearchedCommit))
  },
  (message): FindCommitsResult => {
    const commitsSearched = message.getCommitsSearched()
    return message.hasFoundCommit()
      ? { foundCommit: commitFromMessage(message.getFoundCommit()), commitsSearched }
      : { lastSearchedCommit: commitFromMessage(message.getLastSearchedCommit()), commitsSearched }
  },
)

const getFileSetRequest = createCodec(
  pfs.GetFileSetRequest,
  (request: { commit: Commit; type?: 'TOTAL' | 'DIFF' }) =>
    new pfs.GetFileSetRequest()
      .setCommit(messageFromCommit(request.commit))
      .setType(pfs.GetFileSetRequest.FileSetType[request.type ?? 'TOTAL']),
  (message) => ({
    commit: commitFromMessage(message.getCommit()),
    type: message.getType() === pfs.GetFileSetRequest.FileSetType.DIFF ? ('DIFF' as const) : ('TOTAL' as const),
  }),
)

const renewFileSetRequest = createCodec(
  pfs.RenewFileSetRequest,
  (request: { fileSetId: string; ttlSeconds: number }) =>
    new pfs.RenewFileSetRequest().setFileSetId(request.fileSetId).setTtlSeconds(request.ttlSeconds),
  (message) => ({ fileSetId: message.getFileSetId(), ttlSeconds: message.getTtlSeconds() }),
)

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
const activateRequest = createCodec(
  auth.ActivateRequest,
  (request: { rootToken?: string }) => new auth.ActivateRequest().setRootToken(request.rootToken ?? ''),
  (message) => {
    const rootToken = message.getRootToken()
    return { ...(rootToken && { rootToken }) }
  },
)

/** The root user's token. */
const activateResponse = createCodec(
  auth.ActivateResponse,
  (token: string) => new auth.ActivateResponse().setPachToken(token),
  (message) => message.getPachToken(),
)

const getRobotTokenRequest = createCodec(
  auth.GetRobotTokenRequest,
  (request: { robot: string; ttlSeconds?: number }) =>
    new auth.GetRobotTokenRequest().setRobot(request.robot).setTtl(request.ttlSeconds ?? 0),
  (message) => ({ robot: message.getRobot(), ttlSeconds: message.getTtl() }),
)

/** The robot's token. */
const getRobotTokenResponse = createCodec(
  auth.GetRobotTokenResponse,
  (token: string) => new auth.GetRobotTokenResponse().setToken(token),
  (message) => message.getToken(),
)

const modifyRoleBindingRequest = createCodec(
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

const getRoleBindingRequest = createCodec(
  auth.GetRoleBindingRequest,
  (resource: Resource) => new auth.GetRoleBindingRequest().setResource(messageFromResource(resource)),
  (message) => resourceFromMessage(message.getResource()),
)

function rolesFromMessage(message: auth.Roles): string[] {
  const entries = [...message.getRolesMap().entries()]
  return entries.filter(([, held]) => held).map(([role]) => role)
}

/** Roles by principal. */
const getRoleBindingResponse = createCodec(
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

/** The methods of PachydermApi, by name. */
export const pachydermMethods = {
  ...methods,

  createProject: unary('/pfs_v2.API/CreateProject', createProjectRequest, empty),
  listProject: download('/pfs_v2.API/ListProject', empty, projectInfo),
  deleteProject: unary('/pfs_v2.API/DeleteProject', deleteProjectRequest, empty),

  startCommit: unary('/pfs_v2.API/StartCommit', startCommitRequest, commit),
  finishCommit: unary('/pfs_v2.API/FinishCommit', finishCommitRequest, empty),
  findCommits: download('/pfs_v2.API/FindCommits', findCommitsRequest, findCommitsResponse),

  getFileSet: unary('/pfs_v2.API/GetFileSet', getFileSetRequest, createFileSetResponse),
  renewFileSet: unary('/pfs_v2.API/RenewFileSet', renewFileSetRequest, empty),

  activateAuth: unary('/auth_v2.API/Activate', activateRequest, activateResponse),
  getRobotToken: unary('/auth_v2.API/GetRobotToken', getRobotTokenRequest, getRobotTokenResponse),
  modifyRoleBinding: unary('/auth_v2.API/ModifyRoleBinding', modifyRoleBindingRequest, empty),
  getRoleBinding: unary('/auth_v2.API/GetRoleBinding', getRoleBindingRequest, getRoleBindingResponse),
}
