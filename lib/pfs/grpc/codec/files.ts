import type { Commit, File, FileDiff, FileInfo, FilePage, PathRange } from '../../client.js'
import { PfsError } from '../../errors.js'
import * as pfs from '../generated/pfs_pb.cjs'
import {
  commitFromMessage,
  createCodec,
  dateFromMessage,
  fileFromMessage,
  messageFromCommit,
  messageFromDate,
  messageFromFile,
} from './codec.js'

function messageFromFileInfo(info: FileInfo): pfs.FileInfo {
  return new pfs.FileInfo()
    .setFile(messageFromFile(info.file))
    .setFileType(pfs.FileType[info.fileType])
    .setCommitted(messageFromDate(info.committed))
    .setSizeBytes(info.sizeBytes)
    .setHash(info.hash)
}

function fileInfoFromMessage(message: pfs.FileInfo): FileInfo {
  const committed = dateFromMessage(message.getCommitted())
  return {
    file: fileFromMessage(message.getFile()),
    fileType: message.getFileType() === pfs.FileType.DIR ? 'DIR' : 'FILE',
    ...(committed && { committed }),
    sizeBytes: message.getSizeBytes(),
    hash: message.getHash_asU8(),
  }
}

export const fileInfo = createCodec(pfs.FileInfo, messageFromFileInfo, fileInfoFromMessage)

export const getFileRequest = createCodec(
  pfs.GetFileRequest,
  (request: { file: File; offset?: number; pathRange?: PathRange }) =>
    new pfs.GetFileRequest()
      .setFile(messageFromFile(request.file))
      .setOffset(request.offset ?? 0)
      .setPathRange(messageFromPathRange(request.pathRange)),
  (message) => {
    if (message.getUrl() !== '') throw new PfsError('UNIMPLEMENTED', 'GetFile to a URL is not supported')
    return {
      file: fileFromMessage(message.getFile()),
      offset: message.getOffset(),
      ...pathRangeFromMessage(message.getPathRange()),
    }
  },
)

export const inspectFileRequest = createCodec(
  pfs.InspectFileRequest,
  (file: File) => new pfs.InspectFileRequest().setFile(messageFromFile(file)),
  (message) => fileFromMessage(message.getFile()),
)

type FilePageRequest = { file: File } & FilePage

function fillFilePage<M extends pfs.ListFileRequest | pfs.WalkFileRequest>(message: M, request: FilePageRequest): M {
  const { file, paginationMarker } = request
  message.setFile(messageFromFile(file))
  if (paginationMarker !== undefined) {
    message.setPaginationmarker(messageFromFile({ commit: file.commit, path: paginationMarker }))
  }
  message.setNumber(request.number ?? 0)
  message.setReverse(request.reverse ?? false)
  return message
}

function filePageFromMessage(message: pfs.ListFileRequest | pfs.WalkFileRequest): FilePageRequest {
  const paginationMarker = message.getPaginationmarker()?.getPath()
  return {
    file: fileFromMessage(message.getFile()),
    ...(paginationMarker && { paginationMarker }),
    number: message.getNumber(),
    reverse: message.getReverse(),
  }
}

export const listFileRequest = createCodec(
  pfs.ListFileRequest,
  (request: FilePageRequest) => fillFilePage(new pfs.ListFileRequest(), request),
  filePageFromMessage,
)

export const walkFileRequest = createCodec(
  pfs.WalkFileRequest,
  (request: FilePageRequest) => fillFilePage(new pfs.WalkFileRequest(), request),
  filePageFromMessage,
)

export const globFileRequest = createCodec(
  pfs.GlobFileRequest,
  (request: { commit: Commit; pattern: string; pathRange?: PathRange }) =>
    new pfs.GlobFileRequest()
      .setCommit(messageFromCommit(request.commit))
      .setPattern(request.pattern)
      .setPathRange(messageFromPathRange(request.pathRange)),
  (message) => ({
    commit: commitFromMessage(message.getCommit()),
    pattern: message.getPattern(),
    ...pathRangeFromMessage(message.getPathRange()),
  }),
)

function messageFromPathRange(range: PathRange | undefined): pfs.PathRange | undefined {
  return range && new pfs.PathRange().setLower(range.lower).setUpper(range.upper)
}

function pathRangeFromMessage(message: pfs.PathRange | undefined): { pathRange?: PathRange } {
  return message === undefined ? {} : { pathRange: { lower: message.getLower(), upper: message.getUpper() } }
}

export const diffFileRequest = createCodec(
  pfs.DiffFileRequest,
  (request: { newFile: File; oldFile?: File; shallow?: boolean }) =>
    new pfs.DiffFileRequest()
      .setNewFile(messageFromFile(request.newFile))
      .setOldFile(request.oldFile && messageFromFile(request.oldFile))
      .setShallow(request.shallow ?? false),
  (message) => {
    const oldFile = message.getOldFile()
    return {
      newFile: fileFromMessage(message.getNewFile()),
      ...(oldFile && { oldFile: fileFromMessage(oldFile) }),
      shallow: message.getShallow(),
    }
  },
)

export const fileDiff = createCodec(
  pfs.DiffFileResponse,
  (diff: FileDiff) =>
    new pfs.DiffFileResponse()
      .setNewFile(diff.newFile && messageFromFileInfo(diff.newFile))
      .setOldFile(diff.oldFile && messageFromFileInfo(diff.oldFile)),
  (message): FileDiff => {
    const newFile = message.getNewFile()
    const oldFile = message.getOldFile()
    return {
      ...(newFile && { newFile: fileInfoFromMessage(newFile) }),
      ...(oldFile && { oldFile: fileInfoFromMessage(oldFile) }),
    }
  },
)

/** The id of the new file set. */
export const createFileSetResponse = createCodec(
  pfs.CreateFileSetResponse,
  (fileSetId: string) => new pfs.CreateFileSetResponse().setFileSetId(fileSetId),
  (message) => message.getFileSetId(),
)

export const addFileSetRequest = createCodec(
  pfs.AddFileSetRequest,
  (request: { commit: Commit; fileSetId: string }) =>
    new pfs.AddFileSetRequest().setCommit(messageFromCommit(request.commit)).setFileSetId(request.fileSetId),
  (message) => ({ commit: commitFromMessage(message.getCommit()), fileSetId: message.getFileSetId() }),
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
