import type { Commit } from '../../client.js'
import * as pfs from '../generated/pfs_pb.cjs'
import { createCodec } from './codec.js'
import { commitFromMessage, messageFromCommit } from './names.js'

/** The id of the file set that was made. */
export const createFileSetResponse = createCodec(
  pfs.CreateFileSetResponse,
  (fileSetId: string) => new pfs.CreateFileSetResponse().setFileSetId(fileSetId),
  (message) => message.getFileSetId(),
)

export const getFileSetRequest = createCodec(
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

export const addFileSetRequest = createCodec(
  pfs.AddFileSetRequest,
  (request: { commit: Commit; fileSetId: string }) =>
    new pfs.AddFileSetRequest().setCommit(messageFromCommit(request.commit)).setFileSetId(request.fileSetId),
  (message) => ({ commit: commitFromMessage(message.getCommit()), fileSetId: message.getFileSetId() }),
)

export const renewFileSetRequest = createCodec(
  pfs.RenewFileSetRequest,
  (request: { fileSetId: string; ttlSeconds: number }) =>
    new pfs.RenewFileSetRequest().setFileSetId(request.fileSetId).setTtlSeconds(request.ttlSeconds),
  (message) => ({ fileSetId: message.getFileSetId(), ttlSeconds: message.getTtlSeconds() }),
)

export const composeFileSetRequest = createCodec(
  pfs.ComposeFileSetRequest,
  (request: { fileSetIds: readonly string[]; ttlSeconds?: number; compact?: boolean }) =>
    new pfs.ComposeFileSetRequest()
      .setFileSetIdsList([...request.fileSetIds])
      .setTtlSeconds(request.ttlSeconds ?? 0)
      .setCompact(request.compact ?? false),
  (message) => ({
    fileSetIds: message.getFileSetIdsList(),
    ttlSeconds: message.getTtlSeconds(),
    compact: message.getCompact(),
  }),
)
