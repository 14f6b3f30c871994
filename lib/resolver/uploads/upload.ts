import { type CallOptions, type Commit, type File, type FileInfo, headOf, type PfsClient } from '../../pfs/client.js'
import { isMissing, unlessMissing } from '../../pfs/errors.js'
import type { ObjectRecord } from '../../records/record.js'
import { completionPath, noSuchUpload, stagingCommit, type UploadName, uploadPath } from './staging.js'

/** An upload that is neither completed nor aborted, at the commit at which it was found. */
export interface Upload extends UploadName {
  readonly commit: Commit
}

/** Asks PFS for an upload; throws NoSuchUpload, and as PFS does where the bucket is not there. */
export async function resolveUpload(pfs: PfsClient, name: UploadName, options: CallOptions): Promise<Upload> {
  const commit = stagingCommit(name.bucket.branch.repo)
  const info = await inspectStaged(pfs, { commit, path: uploadPath(name) }, options)
  if (info !== undefined) return { ...name, commit: info.file.commit }
  await pfs.inspectBranch(name.bucket.branch, options)
  throw noSuchUpload(name.id.text)
}

/** What an upload keeps of the moment at which it began. */
interface UploadStart {
  /** The id of the commit that was the head of the bucket's branch. */
  readonly head: string | undefined
  /** The attributes that the object will have; absent if the gateway keeps none. */
  readonly attributes?: Pick<ObjectRecord, 'headers' | 'metadata' | 'tags'>
}

/** The file that an upload is. */
export function uploadContent(start: UploadStart): { readonly raw: Uint8Array } {
  return { raw: Buffer.from(JSON.stringify(start)) }
}

/** Whether a file was in the bucket when the upload began; also true if nobody knows any more. */
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
    // The commit was deleted from the history since.
    if (isMissing(error, 'commit')) return true
    throw error
  }
}

/** What was kept when the upload began; an upload of an earlier version of the gateway kept nothing. */
export async function readStart(pfs: PfsClient, upload: Upload, options: CallOptions): Promise<UploadStart> {
  const text = (await readStaged(pfs, { commit: upload.commit, path: uploadPath(upload) }, options)).toString()
  return text === '' ? { head: undefined } : JSON.parse(text)
}

/** A file of the staging branch; undefined where the file, the branch or the repo is not there. */
function inspectStaged(pfs: PfsClient, file: File, options: CallOptions): Promise<FileInfo | undefined> {
  return unlessMissing(pfs.inspectFile(file, options))
}

/** The bytes of a small file. */
async function readStaged(pfs: PfsClient, file: File, options: CallOptions): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of pfs.getFile({ file }, options)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** What a completed upload was asked and answered, so that the same request gets the same answer. */
export interface Completion {
  /** Tells one list of parts from another. */
  readonly request: string
  /** With its quotes. */
  readonly etag: string
  readonly versionId: string
  /** Of the whole object, where the upload kept one. */
  readonly checksum?: string
}

/** Asks PFS what is known of a completed upload; undefined for one that is not. */
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

/** The content of the file that remains of a completed upload. */
export function completionContent(completion: Completion): { raw: Uint8Array } {
  return { raw: Buffer.from(JSON.stringify(completion)) }
}
