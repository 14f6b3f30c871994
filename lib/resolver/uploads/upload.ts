import { type CallOptions, type Commit, type File, type FileInfo, headOf, type PfsClient } from '../../pfs/client.js'
import { isMissing, unlessMissing } from '../../pfs/errors.js'
import type { ObjectRecord } from '../../records/record.js'
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
  readonly attributes?: Pick<ObjectRecord, 'headers' | 'metadata' | 'tags'>
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

/** The saved state of an upload; uploads of earlier gateway versions saved none. */
export async function readStart(pfs: PfsClient, upload: Upload, options: CallOptions): Promise<UploadStart> {
  const text = (await readStaged(pfs, { commit: upload.commit, path: uploadPath(upload) }, options)).toString()
  return text === '' ? { head: undefined } : JSON.parse(text)
}

/** A file of the staging branch; undefined if the file, branch or repo is missing. */
function inspectStaged(pfs: PfsClient, file: File, options: CallOptions): Promise<FileInfo | undefined> {
  return unlessMissing(pfs.inspectFile(file, options))
}

/** Reads a small file into memory. */
async function readStaged(pfs: PfsClient, file: File, options: CallOptions): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of pfs.getFile({ file }, options)) pieces.push(piece)
  return Buffer.concat(pieces)
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

/** Looks up a completed upload; undefined if it is not completed. */
export async function resolveCompletion(
  pfs: PfsClient,
  name: UploadName,
  options: CallOptions,
): Promise<Completion | undefined> {
  const commit = stagingCommit(name.bucket.branch.repo)
  const info = await inspectStaged(pfs, { commit, path: completionPath(name) }, options)
  if (info === undefined) return undefined
  return JSON.parse((await readStaged(pfs, info.file, options)).toString()) as Completion
}

/** The content of the file of a completed upload. */
export function completionContent(completion: Completion): { raw: Uint8Array } {
  return { raw: Buffer.from(JSON.stringify(completion)) }
}
