import { collect } from '../../http/byte-reader.js'
import { type CallOptions, type Commit, type File, type FileInfo, headOf, type PfsClient } from '../../pfs/client.js'
import { isMissing, unlessMissing } from '../../pfs/errors.js'
import type { ObjectAttributes } from '../../records/record.js'
import { matching, readAttributes, readJson, UnreadableRecord } from '../../records/record-format.js'
import { completionPath, noSuchUpload, stagingCommit, type UploadName, uploadPath } from './staging.js'

/** An upload in progress, at the commit at which it was found. */
export interface Upload extends UploadName {
  readonly commit: Commit
}

/** Looks up an upload. @throws S3Error NoSuchUpload, PfsError if the bucket is missing. */
export async function resolveUpload(pfs: PfsClient, name: UploadName, options: CallOptions): Promise<Upload> {
  const commit = stagingCommit(name.bucket.branch.repo)
  const info = await inspectStaged(pfs, { commit, path: uploadPath(name) }, options)
  if (info !== undefined) return { ...name, commit: info.file.commit }
  await pfs.inspectBranch(name.bucket.branch, options)
  throw noSuchUpload(name.id.text)
}

/** The state that an upload saves at its start. */
interface UploadStart {
  /** The id of the head of the bucket's branch. */
  readonly head: string | undefined
  /** The attributes of the future object; undefined if the gateway keeps none. */
  readonly attributes?: ObjectAttributes
}

/** The content of the file of an upload. */
export function uploadContent(start: UploadStart): { readonly raw: Uint8Array } {
  return { raw: Buffer.from(JSON.stringify(start)) }
}

/** Whether a file was in the bucket when the upload started; true if that is unknown. */
export async function existedAtStart(
  pfs: PfsClient,
  upload: Upload,
  path: string,
  options: CallOptions,
): Promise<boolean> {
  const { head } = await readStart(pfs, upload, options)
  if (head === undefined) return true
  const commit = { ...headOf(upload.bucket.branch), id: head }
  try {
    return (await unlessMissing(pfs.inspectFile({ commit, path }, options), 'file')) !== undefined
  } catch (error) {
    // The commit has been deleted from the history.
    if (isMissing(error, 'commit')) return true
    throw error
  }
}

/**
 * The saved state of an upload; uploads of earlier gateway versions saved none.
 *
 * @throws S3Error NoSuchUpload if another writer of the repo has damaged it
 */
export async function readStart(pfs: PfsClient, upload: Upload, options: CallOptions): Promise<UploadStart> {
  const start = await readStaged(pfs, { commit: upload.commit, path: uploadPath(upload) }, startFrom, options)
  if (start === undefined) throw noSuchUpload(upload.id.text)
  return start
}

function startFrom(bytes: Buffer): UploadStart {
  if (bytes.length === 0) return { head: undefined }
  const { head, attributes } = readJson(bytes)
  return {
    head: head === undefined ? undefined : matching(head, /^[0-9a-f]{32}$/),
    ...(attributes !== undefined && { attributes: readAttributes(attributes) }),
  }
}

/** A file of the staging branch; undefined if the file, branch or repo is missing. */
function inspectStaged(pfs: PfsClient, file: File, options: CallOptions): Promise<FileInfo | undefined> {
  return unlessMissing(pfs.inspectFile(file, options))
}

/** Maximum bytes of a file of an upload: all attributes of an object take less, in any encoding. */
const maxStagedBytes = 1024 * 1024

/** Reads a small file into memory and parses it; undefined if that fails, since users may write such files, too. */
async function readStaged<Content>(
  pfs: PfsClient,
  file: File,
  parse: (bytes: Buffer) => Content,
  options: CallOptions,
): Promise<Content | undefined> {
  try {
    return parse(await collect(pfs.getFile({ file }, options), maxStagedBytes))
  } catch (error) {
    // RangeError: it is longer.
    if (error instanceof UnreadableRecord || error instanceof RangeError) return undefined
    throw error
  }
}

/** The request and response of a completed upload, so that a repeated request gets the same response. */
export interface Completion {
  /** Identifies the list of parts. */
  readonly request: string
  /** With quotes. */
  readonly etag: string
  readonly versionId: string
  /** The checksum of the object, if the upload kept one. */
  readonly checksum?: string
}

/** Looks up a completed upload; undefined if it is not completed, or if another writer of the repo has damaged its file. */
export async function resolveCompletion(
  pfs: PfsClient,
  name: UploadName,
  options: CallOptions,
): Promise<Completion | undefined> {
  const commit = stagingCommit(name.bucket.branch.repo)
  const info = await inspectStaged(pfs, { commit, path: completionPath(name) }, options)
  if (info === undefined) return undefined
  return readStaged(pfs, info.file, completionFrom, options)
}

function completionFrom(bytes: Buffer): Completion {
  const { request, etag, versionId, checksum } = readJson(bytes)
  return {
    request: matching(request, /^/),
    etag: matching(etag, /^"[\w-]{1,200}"$/),
    versionId: matching(versionId, /^[0-9a-f]{32}$/),
    ...(checksum !== undefined && { checksum: matching(checksum, /^[\w+/=-]{1,200}$/) }),
  }
}

/** The content of the file of a completed upload. */
export function completionContent(completion: Completion): { raw: Uint8Array } {
  return { raw: Buffer.from(JSON.stringify(completion)) }
}
