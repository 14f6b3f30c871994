import type { Branch, BranchInfo, Commit, Repo } from '../../client.js'
import { PfsError } from '../../errors.js'
import * as pfs from '../generated/pfs_pb.cjs'
import { createCodec, dateFromMessage, messageFromDate } from './codec.js'
import {
  branchFromMessage,
  commitFromMessage,
  messageFromBranch,
  messageFromCommit,
  messageFromRepo,
  repoFromMessage,
} from './names.js'

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
    // Without its trigger the branch would look made and never move.
    if (message.hasTrigger()) throw new PfsError('UNIMPLEMENTED', 'triggers of branches are not served')
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
