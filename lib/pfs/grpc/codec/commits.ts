import type { Commit, CommitInfo, CommitState, OriginKind, Repo } from '../../client.js'
import * as pfs from '../generated/pfs_pb.cjs'
import {
  commitFromMessage,
  createCodec,
  dateFromMessage,
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
