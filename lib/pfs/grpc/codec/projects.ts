import type { ProjectInfo } from '../../client.js'
import * as pfs from '../generated/pfs_pb.cjs'
import { createCodec, dateFromMessage, messageFromDate } from './codec.js'
import { messageFromProject, projectFromMessage } from './names.js'

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
