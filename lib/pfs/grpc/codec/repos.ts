import type { Repo, RepoInfo, RepoType } from '../../client.js'
import * as pfs from '../generated/pfs_pb.cjs'
import { authInfoFromMessage, messageFromAuthInfo } from './auth-info.js'
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
