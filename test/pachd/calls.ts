import type { CallOptions, CommitState, RepoType } from '../../lib/pfs/client.js'
import type { PachydermApi, Resource } from '../../lib/testing/index.js'
import {
  branchFromMessage,
  commitFromMessage,
  fileFromMessage,
  message,
  messageFromBranchInfo,
  messageFromCommit,
  messageFromCommitInfo,
  messageFromFileInfo,
  messageFromProject,
  messageFromRepoInfo,
  messages,
  number,
  operationFromMessage,
  repoFromMessage,
  text,
  texts,
  time,
  withoutDefaults,
} from './messages.js'
import type { Message } from './recording.js'

type Call = (
  client: PachydermApi,
  request: Message,
  options: CallOptions,
  requests: readonly Message[],
) => AsyncIterable<Message> | Promise<Message>

/** How each recorded method is called through a PachydermApi, and its answers as messages again. */
export const calls: Readonly<Record<string, Call>> = {
  CreateProject: (client, { project }, options) =>
    empty(client.createProject({ project: text(message(project).name) }, options)),
  InspectProject: async (client, { project }, options) =>
    messageFromProject(await client.inspectProject(text(message(project).name), options)),
  ListProject: (client, _, options) => each(client.listProject(options), messageFromProject),
  DeleteProject: (client, { project }, options) =>
    empty(client.deleteProject({ project: text(message(project).name) }, options)),

  CreateRepo: (client, { repo, update }, options) =>
    empty(client.createRepo({ repo: repoFromMessage(message(repo)), update: update === true }, options)),
  InspectRepo: async (client, { repo }, options) =>
    messageFromRepoInfo(await client.inspectRepo(repoFromMessage(message(repo)), options)),
  ListRepo: (client, { type, projects }, options) => {
    const names = messages(projects).map(({ name }) => text(name))
    const request = { ...(type && { type: text(type) as RepoType }), ...(projects && { projects: names }) }
    return each(client.listRepo(request, options), messageFromRepoInfo)
  },
  DeleteRepo: async (client, { repo }, options) =>
    withoutDefaults({ deleted: await client.deleteRepo({ repo: repoFromMessage(message(repo)) }, options) }),

  CreateBranch: (client, { branch, head, provenance }, options) => {
    const sources = messages(provenance).map(branchFromMessage)
    const from = head && { head: commitFromMessage(message(head)) }
    return empty(
      client.createBranch({ branch: branchFromMessage(message(branch)), provenance: sources, ...from }, options),
    )
  },
  InspectBranch: async (client, { branch }, options) =>
    messageFromBranchInfo(await client.inspectBranch(branchFromMessage(message(branch)), options)),
  ListBranch: (client, { repo }, options) =>
    each(client.listBranch({ repo: repoFromMessage(message(repo)) }, options), messageFromBranchInfo),
  DeleteBranch: (client, { branch, force }, options) =>
    empty(client.deleteBranch({ branch: branchFromMessage(message(branch)), force: force === true }, options)),

  StartCommit: async (client, { branch }, options) =>
    messageFromCommit(await client.startCommit({ branch: branchFromMessage(message(branch)) }, options)),
  FinishCommit: (client, { commit }, options) =>
    empty(client.finishCommit({ commit: commitFromMessage(message(commit)) }, options)),
  InspectCommit: async (client, { commit, wait }, options) => {
    const request = { commit: commitFromMessage(message(commit)), ...(wait && { wait: text(wait) as CommitState }) }
    return messageFromCommitInfo(await client.inspectCommit(request, options))
  },
  ListCommit: (client, { repo, to, number: count, reverse }, options) => {
    const end = to && { to: commitFromMessage(message(to)) }
    const request = { repo: repoFromMessage(message(repo)), number: number(count), reverse: reverse === true, ...end }
    return each(client.listCommit(request, options), messageFromCommitInfo)
  },
  FindCommits: (client, { start, filePath, limit }, options) => {
    const request = { start: commitFromMessage(message(start)), filePath: text(filePath), limit: number(limit) }
    return each(client.findCommits(request, options), ({ commitsSearched, ...result }) =>
      withoutDefaults({
        ...('foundCommit' in result
          ? { foundCommit: messageFromCommit(result.foundCommit) }
          : { lastSearchedCommit: messageFromCommit(result.lastSearchedCommit) }),
        commitsSearched,
      }),
    )
  },

  ModifyFile: (client, { setCommit }, options, [, ...operations]) => {
    if (!setCommit)
      throw new Error('a ModifyFile whose first message is not set_commit cannot be said with a PachydermApi')
    const commit = commitFromMessage(message(setCommit))
    return empty(client.modifyFile(commit, operations.map(operationFromMessage), options))
  },
  GetFile: (client, { file, offset }, options) =>
    joined(client.getFile({ file: fileFromMessage(message(file)), offset: number(offset) }, options)),
  InspectFile: async (client, { file }, options) =>
    messageFromFileInfo(await client.inspectFile(fileFromMessage(message(file)), options)),
  ListFile: (client, request, options) => each(client.listFile(pageRequest(request), options), messageFromFileInfo),
  WalkFile: (client, request, options) => each(client.walkFile(pageRequest(request), options), messageFromFileInfo),
  GlobFile: (client, { commit, pattern, pathRange }, options) => {
    const { lower, upper } = message(pathRange)
    const range = pathRange && { pathRange: { lower: text(lower), upper: text(upper) } }
    const request = { commit: commitFromMessage(message(commit)), pattern: text(pattern), ...range }
    return each(client.globFile(request, options), messageFromFileInfo)
  },
  DiffFile: (client, { newFile, oldFile, shallow }, options) => {
    const old = oldFile && { oldFile: fileFromMessage(message(oldFile)) }
    const request = { newFile: fileFromMessage(message(newFile)), shallow: shallow === true, ...old }
    return each(client.diffFile(request, options), (diff) =>
      withoutDefaults({
        newFile: diff.newFile && messageFromFileInfo(diff.newFile),
        oldFile: diff.oldFile && messageFromFileInfo(diff.oldFile),
      }),
    )
  },

  CreateFileSet: async (client, _, options, requests) => ({
    fileSetId: await client.createFileSet(requests.map(operationFromMessage), options),
  }),
  AddFileSet: (client, { commit, fileSetId }, options) =>
    empty(client.addFileSet({ commit: commitFromMessage(message(commit)), fileSetId: text(fileSetId) }, options)),
  RenewFileSet: (client, { fileSetId, ttlSeconds }, options) =>
    empty(client.renewFileSet({ fileSetId: text(fileSetId), ttlSeconds: number(ttlSeconds) }, options)),
  ComposeFileSet: async (client, { fileSetIds, ttlSeconds }, options) => ({
    fileSetId: await client.composeFileSet({ fileSetIds: texts(fileSetIds), ttlSeconds: number(ttlSeconds) }, options),
  }),

  WhoAmI: async (client, _, options) => {
    const { username, expiration } = await client.whoAmI(options)
    return withoutDefaults({ username, expiration: time(expiration) })
  },
  GetRobotToken: async (client, { robot, ttl }, options) => ({
    token: await client.getRobotToken({ robot: text(robot), ttlSeconds: number(ttl) }, options),
  }),
  ModifyRoleBinding: (client, { resource, principal, roles }, options) => {
    const { type, name } = message(resource)
    const request = { type: text(type) as Resource['type'], name: text(name) }
    return empty(
      client.modifyRoleBinding({ resource: request, principal: text(principal), roles: texts(roles) }, options),
    )
  },
}

function pageRequest({ file, paginationMarker, number: count, reverse }: Message) {
  const marker = paginationMarker && { paginationMarker: text(message(paginationMarker).path) }
  return { file: fileFromMessage(message(file)), number: number(count), reverse: reverse === true, ...marker }
}

async function empty(promise: Promise<void>): Promise<Message> {
  await promise
  return {}
}

async function* each<T>(items: AsyncIterable<T>, messageFrom: (item: T) => Message): AsyncGenerator<Message> {
  for await (const item of items) yield messageFrom(item)
}

/** How the bytes are cut into messages is the server's affair: they are compared as one. */
async function* joined(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const bytes: Uint8Array[] = []
  for await (const chunk of chunks) bytes.push(chunk)
  if (bytes.length > 0) yield { value: Buffer.concat(bytes).toString('base64') }
}
