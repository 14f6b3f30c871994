import type { Branch, Commit, CommitInfo, CommitState, FindCommitsResult, OriginKind, Repo } from '../../client.js'
import * as pfs from '../generated/pfs_pb.cjs'
import {
  branchFromMessage,
  commitFromMessage,
  createCodec,
  dateFromMessage,
  messageFromBranch,
  messageFromCommit,
  messageFromDate,
  messageFromRepo,
  repoFromMessage,
} from './codec.js'

const originKinds: readonly OriginKind[] = ['USER', 'AUTO', 'FSCK']
const commitStates: readonly CommitState[] = ['STARTED', 'READY', 'FINISHING', 'FINISHED']

function originFromMessage(message: pfs.CommitOrigin | undefined): OriginKind | undefined {
  const number = message?.getKind()
  return originKinds.find((kind) => pfs.OriginKind[kind] === number)
}

export const commit = createCodec(pfs.Commit, messageFromCommit, commitFromMessage)

export const commitInfo = createCodec(
  pfs.CommitInfo,
  (info: CommitInfo) => {
    const message = new pfs.CommitInfo()
      .setCommit(messageFromCommit(info.commit))
      .setDescription(info.description)
      .setParentCommit(info.parentCommit && messageFromCommit(info.parentCommit))
      .setChildCommitsList(info.childCommits.map(messageFromCommit))
      .setDirectProvenanceList(info.directProvenance.map(messageFromCommit))
      .setStarted(messageFromDate(info.started))
      .setFinishing(messageFromDate(info.finishing))
      .setFinished(messageFromDate(info.finished))
      .setError(info.error)
      .setSizeBytesUpperBound(info.sizeBytesUpperBound)
      .setCreatedBy(info.createdBy)
      .setCreatedAt(messageFromDate(info.createdAt))
      .setUpdatedAt(messageFromDate(info.updatedAt))
    if (info.origin !== undefined) message.setOrigin(new pfs.CommitOrigin().setKind(pfs.OriginKind[info.origin]))
    if (info.sizeBytes !== undefined) message.setDetails(new pfs.CommitInfo.Details().setSizeBytes(info.sizeBytes))
    return message
  },
  (message): CommitInfo => {
    const origin = originFromMessage(message.getOrigin())
    const parentCommit = message.getParentCommit()
    const started = dateFromMessage(message.getStarted())
    const finishing = dateFromMessage(message.getFinishing())
    const finished = dateFromMessage(message.getFinished())
    const details = message.getDetails()
    const createdAt = dateFromMessage(message.getCreatedAt())
    const updatedAt = dateFromMessage(message.getUpdatedAt())
    return {
      commit: commitFromMessage(message.getCommit()),
      ...(origin && { origin }),
      description: message.getDescription(),
      ...(parentCommit && { parentCommit: commitFromMessage(parentCommit) }),
      childCommits: message.getChildCommitsList().map(commitFromMessage),
      directProvenance: message.getDirectProvenanceList().map(commitFromMessage),
      ...(started && { started }),
      ...(finishing && { finishing }),
      ...(finished && { finished }),
      error: message.getError(),
      sizeBytesUpperBound: message.getSizeBytesUpperBound(),
      ...(details && { sizeBytes: details.getSizeBytes() }),
      createdBy: message.getCreatedBy(),
      ...(createdAt && { createdAt }),
      ...(updatedAt && { updatedAt }),
    }
  },
)

export const startCommitRequest = createCodec(
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

export const finishCommitRequest = createCodec(
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

export const inspectCommitRequest = createCodec(
  pfs.InspectCommitRequest,
  (request: { commit: Commit; wait?: CommitState }) =>
    new pfs.InspectCommitRequest()
      .setCommit(messageFromCommit(request.commit))
      .setWait(pfs.CommitState[request.wait ?? 'COMMIT_STATE_UNKNOWN']),
  (message) => {
    const wait = commitStates.find((state) => pfs.CommitState[state] === message.getWait())
    return { commit: commitFromMessage(message.getCommit()), ...(wait && { wait }) }
  },
)

export const listCommitRequest = createCodec(
  pfs.ListCommitRequest,
  (request: { repo: Repo; from?: Commit; to?: Commit; number?: number; reverse?: boolean; all?: boolean }) =>
    new pfs.ListCommitRequest()
      .setRepo(messageFromRepo(request.repo))
      .setFrom(request.from && messageFromCommit(request.from))
      .setTo(request.to && messageFromCommit(request.to))
      .setNumber(request.number ?? 0)
      .setReverse(request.reverse ?? false)
      .setAll(request.all ?? false),
  (message) => {
    const from = message.getFrom()
    const to = message.getTo()
    return {
      repo: repoFromMessage(message.getRepo()),
      ...(from && { from: commitFromMessage(from) }),
      ...(to && { to: commitFromMessage(to) }),
      number: message.getNumber(),
      reverse: message.getReverse(),
      all: message.getAll(),
    }
  },
)

export const findCommitsRequest = createCodec(
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

export const findCommitsResponse = createCodec(
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
