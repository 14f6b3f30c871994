import { invalidArgument } from '../errors.js'
import type { CallOptions, Commit, FileInfo, PfsClient } from '../pfs/client.js'
import { headOf } from '../pfs/client.js'
import { findFile } from '../pfs/exact-path.js'
import { type Bucket, commitOf, isCommitId } from './bucket-name.js'
import { etagFrom } from './etag.js'

/** An object as it is at one commit. */
export interface StoredObject {
  readonly info: FileInfo
  readonly size: number
  /** With its quotes. */
  readonly etag: string
  readonly lastModified: Date
  /** The id of the commit that was read. */
  readonly versionId: string
}

/** Which file, and at which version where not at the bucket's own. */
export interface ObjectName {
  readonly bucket: Bucket
  readonly path: string
  readonly versionId?: string | undefined
}

/**
 * Asks PFS for an object; undefined if the path is missing or a directory.
 *
 * @throws S3Error InvalidArgument for a malformed `versionId`, PfsError for a missing repo, branch or commit.
 */
export async function findObject(
  pfs: PfsClient,
  { bucket, path, versionId }: ObjectName,
  options: CallOptions,
): Promise<StoredObject | undefined> {
  const info = await findFile(pfs, { commit: commitOfVersion(bucket, versionId), path }, options)
  return info && storedObject(pfs, info, options)
}

/** The object that a file is. */
export async function storedObject(pfs: PfsClient, info: FileInfo, options: CallOptions): Promise<StoredObject> {
  const { commit, path } = info.file
  if (info.hash.length === 0 || !commit.id) throw new Error(`PFS describes ${path} without its hash or commit`)
  return {
    // Without its datum: an S3 object is all that is at the path.
    info: { ...info, file: { commit, path } },
    size: info.sizeBytes,
    etag: etagFrom(info.hash),
    lastModified: info.committed ?? (await startOf(pfs, commit, options)),
    versionId: commit.id,
  }
}

/** The commit that a `versionId` names in a bucket; throws InvalidArgument for one that cannot be. */
export function commitOfVersion(bucket: Bucket, versionId: string | undefined): Commit {
  if (versionId === undefined) return commitOf(bucket)
  if (!isCommitId(versionId)) {
    throw invalidArgument('versionId', { value: versionId, message: 'Invalid version id specified' })
  }
  return { ...headOf(bucket.branch), id: versionId }
}

/** A file of a commit that is still open has no time of its own. */
async function startOf(pfs: PfsClient, commit: Commit, options: CallOptions): Promise<Date> {
  const { started } = await pfs.inspectCommit({ commit }, options)
  return started ?? new Date(0)
}
