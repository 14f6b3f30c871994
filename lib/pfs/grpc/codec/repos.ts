import type {
  AuthInfo,
  Branch,
  BranchInfo,
  Commit,
  ProjectInfo,
  Repo,
  RepoInfo,
  RepoType,
  WhoAmI,
} from '../../client.js'
import { PfsError } from '../../errors.js'
import * as auth from '../generated/auth_pb.cjs'
import * as pfs from '../generated/pfs_pb.cjs'
import {
  branchFromMessage,
  commitFromMessage,
  createCodec,
  dateFromMessage,
  messageFromBranch,
  messageFromCommit,
  messageFromDate,
  messageFromProject,
  messageFromRepo,
  parseRepoType,
  projectFromMessage,
  repoFromMessage,
} from './codec.js'

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

/** The permissions in the gateway's `.proto`: those of a repo, and of a pipeline in it. */
const permissions = Object.entries(auth.Permission).filter(
  (entry): entry is [name: string, number: auth.Permission] => typeof entry[1] === 'number' && entry[1] !== 0,
)
const numbers: ReadonlyMap<string, auth.Permission> = new Map(permissions)
const names: ReadonlyMap<auth.Permission, string> = new Map(permissions.map(([name, number]) => [number, name]))

/** The permissions and roles of the caller; skips permissions without a number. */
export function messageFromAuthInfo(info: AuthInfo): pfs.AuthInfo {
  const list = info.permissions.flatMap((name) => numbers.get(name) ?? [])
  return new pfs.AuthInfo().setPermissionsList(list).setRolesList([...info.roles])
}

/** A permission without a name in the gateway's `.proto` is shown as its number; it is not a permission of repos. */
export function authInfoFromMessage(message: pfs.AuthInfo): AuthInfo {
  return {
    permissions: message.getPermissionsList().map((number) => names.get(number) ?? String(number)),
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

export const inspectProjectRequest = createCodec(
  pfs.InspectProjectRequest,
  (project: string) => new pfs.InspectProjectRequest().setProject(messageFromProject(project)),
  (message) => projectFromMessage(message.getProject()),
)

export const branchInfo = createCodec(
  pfs.BranchInfo,
  (info: BranchInfo) =>
    new pfs.BranchInfo()
      .setBranch(messageFromBranch(info.branch))
      .setHead(info.head && messageFromCommit(info.head))
      .setProvenanceList(info.provenance.map(messageFromBranch))
      .setSubvenanceList(info.subvenance.map(messageFromBranch))
      .setDirectProvenanceList(info.directProvenance.map(messageFromBranch))
      .setCreatedBy(info.createdBy)
      .setCreatedAt(messageFromDate(info.createdAt))
      .setUpdatedAt(messageFromDate(info.updatedAt)),
  (message): BranchInfo => {
    const head = message.getHead()
    const createdAt = dateFromMessage(message.getCreatedAt())
    const updatedAt = dateFromMessage(message.getUpdatedAt())
    return {
      branch: branchFromMessage(message.getBranch()),
      ...(head && { head: commitFromMessage(head) }),
      provenance: message.getProvenanceList().map(branchFromMessage),
      subvenance: message.getSubvenanceList().map(branchFromMessage),
      directProvenance: message.getDirectProvenanceList().map(branchFromMessage),
      createdBy: message.getCreatedBy(),
      ...(createdAt && { createdAt }),
      ...(updatedAt && { updatedAt }),
    }
  },
)

export const createBranchRequest = createCodec(
  pfs.CreateBranchRequest,
  (request: { branch: Branch; head?: Commit; provenance?: readonly Branch[]; newCommitSet?: boolean }) =>
    new pfs.CreateBranchRequest()
      .setBranch(messageFromBranch(request.branch))
      .setHead(request.head && messageFromCommit(request.head))
      .setProvenanceList((request.provenance ?? []).map(messageFromBranch))
      .setNewCommitSet(request.newCommitSet ?? false),
  (message) => {
    // Without its trigger, the branch would seem to be created but never move.
    if (message.hasTrigger()) throw new PfsError('UNIMPLEMENTED', 'branch triggers are not supported')
    const head = message.getHead()
    return {
      branch: branchFromMessage(message.getBranch()),
      ...(head && { head: commitFromMessage(head) }),
      provenance: message.getProvenanceList().map(branchFromMessage),
      newCommitSet: message.getNewCommitSet(),
    }
  },
)

export const inspectBranchRequest = createCodec(
  pfs.InspectBranchRequest,
  (branch: Branch) => new pfs.InspectBranchRequest().setBranch(messageFromBranch(branch)),
  (message) => branchFromMessage(message.getBranch()),
)

export const listBranchRequest = createCodec(
  pfs.ListBranchRequest,
  (request: { repo: Repo; reverse?: boolean }) =>
    new pfs.ListBranchRequest().setRepo(messageFromRepo(request.repo)).setReverse(request.reverse ?? false),
  (message) => ({ repo: repoFromMessage(message.getRepo()), reverse: message.getReverse() }),
)

export const deleteBranchRequest = createCodec(
  pfs.DeleteBranchRequest,
  (request: { branch: Branch; force?: boolean }) =>
    new pfs.DeleteBranchRequest().setBranch(messageFromBranch(request.branch)).setForce(request.force ?? false),
  (message) => ({ branch: branchFromMessage(message.getBranch()), force: message.getForce() }),
)

export const whoAmIResponse = createCodec(
  auth.WhoAmIResponse,
  (who: WhoAmI) => new auth.WhoAmIResponse().setUsername(who.username).setExpiration(messageFromDate(who.expiration)),
  (message): WhoAmI => {
    const expiration = dateFromMessage(message.getExpiration())
    return { username: message.getUsername(), ...(expiration && { expiration }) }
  },
)
