import type { CallOptions, PfsClient } from '../../pfs/client.js'
import { completionPath, stagingCommit, type UploadName } from './staging.js'
import { inspectStaged, readStaged } from './upload.js'

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
