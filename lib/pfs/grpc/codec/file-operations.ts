import { asBuffer } from '../../../encoding.js'
import { type Commit, type FileOperation, maxRawBytes } from '../../client.js'
import { PfsError } from '../../errors.js'
import * as pfs from '../generated/pfs_pb.cjs'
import {
  bytesValueHead,
  type Codec,
  commitFromMessage,
  encodeVarint,
  fileFromMessage,
  messageFromCommit,
  messageFromFile,
} from './codec.js'

/** A message of `ModifyFile` or `CreateFileSet`. */
export type ModifyFileRequest = { readonly setCommit: Commit } | FileOperation

type AddFile = Extract<FileOperation, { addFile: unknown }>['addFile']

/** Tags of the length-delimited fields `ModifyFileRequest.add_file` and `AddFile.raw`. */
const addFileTag = 0x12
const rawTag = 0x1a

/** Hand-written, since the generated code copies the bytes once for each enclosing message. */
function encodeAddFile(addFile: AddFile): Buffer {
  const names = new pfs.AddFile()
    .setPath(addFile.path)
    .setDatum(addFile.datum ?? '')
    .serializeBinary()
  const valueHead = bytesValueHead(addFile.raw.length)
  const rawLength = encodeVarint(valueHead.length + addFile.raw.length)
  const length = names.length + 1 + rawLength.length + valueHead.length + addFile.raw.length
  return Buffer.concat([
    Buffer.of(addFileTag),
    encodeVarint(length),
    names,
    Buffer.of(rawTag),
    rawLength,
    valueHead,
    addFile.raw,
  ])
}

/** An `AddFile` without a source creates an empty file. */
function addFileFromMessage(message: pfs.AddFile): AddFile {
  if (message.hasUrl()) throw new PfsError('UNIMPLEMENTED', 'AddFile from a URL is not supported')
  const datum = message.getDatum()
  return {
    path: message.getPath(),
    ...(datum && { datum }),
    raw: message.getRaw()?.getValue_asU8() ?? new Uint8Array(),
  }
}

function messageFromRequest(request: Exclude<ModifyFileRequest, { addFile: unknown }>): pfs.ModifyFileRequest {
  const message = new pfs.ModifyFileRequest()
  if ('setCommit' in request) return message.setSetCommit(messageFromCommit(request.setCommit))
  if ('deleteFile' in request) {
    const { path, datum } = request.deleteFile
    return message.setDeleteFile(new pfs.DeleteFile().setPath(path).setDatum(datum ?? ''))
  }
  const { dst, datum, src, append } = request.copyFile
  return message.setCopyFile(
    new pfs.CopyFile()
      .setDst(dst)
      .setDatum(datum ?? '')
      .setSrc(messageFromFile(src))
      .setAppend(append ?? false),
  )
}

function requestFromMessage(message: pfs.ModifyFileRequest): ModifyFileRequest {
  const addFile = message.getAddFile()
  if (addFile !== undefined) return { addFile: addFileFromMessage(addFile) }
  const deleteFile = message.getDeleteFile()
  if (deleteFile !== undefined) {
    const datum = deleteFile.getDatum()
    return { deleteFile: { path: deleteFile.getPath(), ...(datum && { datum }) } }
  }
  const copyFile = message.getCopyFile()
  if (copyFile !== undefined) {
    const datum = copyFile.getDatum()
    const src = fileFromMessage(copyFile.getSrc())
    return { copyFile: { dst: copyFile.getDst(), ...(datum && { datum }), src, append: copyFile.getAppend() } }
  }
  if (message.hasSetCommit()) return { setCommit: commitFromMessage(message.getSetCommit()) }
  throw new PfsError('UNKNOWN', 'a message of ModifyFile has no body')
}

export const modifyFileRequest: Codec<ModifyFileRequest> = {
  encode: (request) =>
    'addFile' in request ? encodeAddFile(request.addFile) : asBuffer(messageFromRequest(request).serializeBinary()),
  decode: (bytes) => requestFromMessage(pfs.ModifyFileRequest.deserializeBinary(bytes)),
}

/** The operation itself, or the parts of an `addFile` that is too long for one message. */
export function* messagesFromOperation(operation: FileOperation): Generator<FileOperation> {
  if (!('addFile' in operation) || operation.addFile.raw.length <= maxRawBytes) {
    yield operation
    return
  }
  const { raw, ...names } = operation.addFile
  for (let start = 0; start < raw.length; start += maxRawBytes) {
    yield { addFile: { ...names, raw: raw.subarray(start, start + maxRawBytes) } }
  }
}
