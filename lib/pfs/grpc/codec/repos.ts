import type { AuthInfo, ProjectInfo, Repo, RepoInfo, RepoType } from '../../client.js'
import { Permission } from '../generated/auth_pb.cjs'
import * as pfs from '../generated/pfs_pb.cjs'
import { createCodec, dateFromMessage, messageFromDate } from './codec.js'
import {
  branchFromMessage,
  messageFromBranch,
  messageFromProject,
  messageFromRepo,
  parseRepoType,
  projectFromMessage,
  repoFromMessage,
} from './names.js'

const permissionNames = [
  'REPO_READ',
  'REPO_WRITE',
  'REPO_MODIFY_BINDINGS',
  'REPO_DELETE',
  'REPO_INSPECT_COMMIT',
  'REPO_LIST_COMMIT',
  'REPO_DELETE_COMMIT',
  'REPO_CREATE_BRANCH',
  'REPO_LIST_BRANCH',
  'REPO_DELETE_BRANCH',
  'REPO_INSPECT_FILE',
  'REPO_LIST_FILE',
  'REPO_ADD_PIPELINE_READER',
  'REPO_REMOVE_PIPELINE_READER',
  'REPO_ADD_PIPELINE_WRITER',
  'PIPELINE_LIST_JOB',
] as const satisfies (keyof typeof Permission)[]

function messageFromAuthInfo(info: AuthInfo): pfs.AuthInfo {
  const names = info.permissions.flatMap((name) => permissionNames.filter((known) => known === name))
  return new pfs.AuthInfo().setPermissionsList(names.map((name) => Permission[name])).setRolesList([...info.roles])
}

/** A permission that has no name here, being none of a repo, shows as its number. */
function authInfoFromMessage(message: pfs.AuthInfo): AuthInfo {
  return {
    permissions: message
      .getPermissionsList()
      .map((number) => permissionNames.find((name) => Permission[name] === number) ?? String(number)),
    roles: message.getRolesList(),
  }
}

export const projectInfo = createCodec(
  pfs.ProjectInfo,
  (info: ProjectInfo) =>
    new pfs.ProjectInfo()
      .setProject(messageFromProject(info.name))
      .setDescription(info.description)
      .setCreatedAt(messageFromDate(info.createdAt)),
  (message): ProjectInfo => {
    const createdAt = dateFromMessage(message.getCreatedAt())
    return {
      name: projectFromMessage(message.getProject()),
      description: message.getDescription(),
      ...(createdAt && { createdAt }),
    }
  },
)

export const createProjectRequest = createCodec(
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

export const inspectProjectRequest = createCodec(
  pfs.InspectProjectRequest,
  (project: string) => new pfs.InspectProjectRequest().setProject(messageFromProject(project)),
  (message) => projectFromMessage(message.getProject()),
)

export const deleteProjectRequest = createCodec(
  pfs.DeleteProjectRequest,
  (request: { project: string; force?: boolean }) =>
    new pfs.DeleteProjectRequest().setProject(messageFromProject(request.project)).setForce(request.force ?? false),
  (message) => ({ project: message.getProject()?.getName() ?? '', force: message.getForce() }),
)

export const repoInfo = createCodec(
  pfs.RepoInfo,
  (info: RepoInfo) => {
    const message = new pfs.RepoInfo()
      .setRepo(messageFromRepo(info.repo))
      .setDescription(info.description)
      .setCreated(messageFromDate(info.created))
      .setSizeBytesUpperBound(info.sizeBytesUpperBound)
      .setBranchesList(info.branches.map(messageFromBranch))
    if (info.authInfo !== undefined) message.setAuthInfo(messageFromAuthInfo(info.authInfo))
    if (info.sizeBytes !== undefined) message.setDetails(new pfs.RepoInfo.Details().setSizeBytes(info.sizeBytes))
    return message
  },
  (message): RepoInfo => {
    const created = dateFromMessage(message.getCreated())
    const authInfo = message.getAuthInfo()
    const details = message.getDetails()
    return {
      repo: repoFromMessage(message.getRepo()),
      description: message.getDescription(),
      ...(created && { created }),
      sizeBytesUpperBound: message.getSizeBytesUpperBound(),
      branches: message.getBranchesList().map(branchFromMessage),
      ...(authInfo && { authInfo: authInfoFromMessage(authInfo) }),
      ...(details && { sizeBytes: details.getSizeBytes() }),
    }
  },
)

export const createRepoRequest = createCodec(
  pfs.CreateRepoRequest,
  (request: { repo: Repo; description?: string; update?: boolean }) =>
    new pfs.CreateRepoRequest()
      .setRepo(messageFromRepo(request.repo))
      .setDescription(request.description ?? '')
      .setUpdate(request.update ?? false),
  (message) => ({
    repo: repoFromMessage(message.getRepo()),
    description: message.getDescription(),
    update: message.getUpdate(),
  }),
)

export const inspectRepoRequest = createCodec(
  pfs.InspectRepoRequest,
  (repo: Repo) => new pfs.InspectRepoRequest().setRepo(messageFromRepo(repo)),
  (message) => repoFromMessage(message.getRepo()),
)

export const listRepoRequest = createCodec(
  pfs.ListRepoRequest,
  (request: { type?: RepoType; projects?: readonly string[] }) =>
    new pfs.ListRepoRequest()
      .setType(request.type ?? '')
      .setProjectsList((request.projects ?? []).map(messageFromProject)),
  (message) => {
    const type = message.getType()
    const projects = message.getProjectsList().map(projectFromMessage)
    return { ...(type && { type: parseRepoType(type) }), ...(projects.length > 0 && { projects }) }
  },
)

export const deleteRepoRequest = createCodec(
  pfs.DeleteRepoRequest,
  (request: { repo: Repo; force?: boolean }) =>
    new pfs.DeleteRepoRequest().setRepo(messageFromRepo(request.repo)).setForce(request.force ?? false),
  (message) => ({ repo: repoFromMessage(message.getRepo()), force: message.getForce() }),
)

/** Whether the repo was deleted. */
export const deleteRepoResponse = createCodec(
  pfs.DeleteRepoResponse,
  (deleted: boolean) => new pfs.DeleteRepoResponse().setDeleted(deleted),
  (message) => message.getDeleted(),
)
