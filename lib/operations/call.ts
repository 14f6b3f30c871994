import type { CommitQueue } from '../commits/commit-queue.js'
import type { KeyedMutex } from '../concurrency.js'
import { S3Error } from '../errors.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import type { CallOptions, PfsClient } from '../pfs/client.js'
import type { FileLookup } from '../pfs/file-lookup.js'
import { afterEveryPath } from '../pfs/path.js'
import type { RecordStore } from '../records/record-store.js'
import { type Bucket, type BucketNames, commitOf } from '../resolver/bucket-name.js'
import type { CommitTimes } from '../resolver/commit-times.js'
import type { Forks } from '../resolver/forks.js'
import type { KeyCodec } from '../resolver/key.js'
import type { PageMemory } from '../resolver/listing/path-reader.js'
import type { MissingBuckets } from '../resolver/missing-bucket.js'
import type { StoredObject } from '../resolver/object.js'
import type { StagedParts } from '../resolver/uploads/join-parts.js'
import type { Ancestry } from '../resolver/versions/ancestry.js'
import type { ChangeLog } from '../resolver/versions/changes.js'
import type { DeleteMarkerSearch } from '../resolver/versions/delete-marker-search.js'
import type { History } from '../resolver/versions/history.js'
import { resolveVersion } from '../resolver/versions/object-version.js'
import type { VersionWalk } from '../resolver/versions/version-walk.js'
import type { CheckedBody } from '../signature/checked-body.js'
import type { ContentCache } from './content-cache.js'
import type { SmallFiles } from './small-files.js'
import type { VersionBatches } from './version-batches.js'

/**
 * The state that all requests of one handler share. An operation mostly uses `pfs`, `keys` and `records`, and writes through
 * the functions of write.ts.
 */
export interface Gateway {
  readonly pfs: PfsClient
  /** Looks up single files; look-ups of concurrent requests share calls. */
  readonly files: FileLookup
  /** The only way to write a branch. */
  readonly commits: CommitQueue
  /** The attributes of objects that PFS cannot store. */
  readonly records: RecordStore
  /** Maps keys to paths and back. */
  readonly keys: KeyCodec
  readonly bucketNames: BucketNames
  /** Explains to the client why a bucket is missing. */
  readonly missingBuckets: MissingBuckets
  /** The commits of branches, cached. */
  readonly history: History
  /** Whether a commit is in the history of a branch. */
  readonly ancestry: Ancestry
  /** Which commits of other branches a branch has inherited. */
  readonly commitTimes: CommitTimes
  readonly forks: Forks
  /** Finds the commits that deleted keys. */
  readonly deleteMarkers: DeleteMarkerSearch
  /** The keys that a commit changed, cached. */
  readonly changes: ChangeLog
  /** Finds the versions of keys, newest first. */
  readonly versionWalk: VersionWalk
  /** Whether the gateway hides a version that a client deletes; otherwise it refuses to delete versions. */
  readonly hidesVersions: boolean
  /** Saves calls for the next pages of a listing. */
  readonly pages: PageMemory
  /** The region for GetBucketLocation. */
  readonly region: string
  /** The only region that is accepted; undefined for any. */
  readonly signingRegion: string | undefined
  /** Bodies of at most this many bytes are kept in memory and share commits. */
  readonly maxSharedBodyBytes: number
  /** The parts of uploads that this process stored, which can be joined without a copy. */
  readonly stagedParts: StagedParts
  /** Serialises the completion and abortion of an upload, by upload id. */
  readonly uploadMutex: KeyedMutex
  /** Serialises the creation and deletion of branches, by project and repo. */
  readonly repoMutex: KeyedMutex
  readonly versionBatches: VersionBatches
  /** Serialises the writes of a directory marker, by key. */
  readonly markerMutex: KeyedMutex
  readonly contentCache: ContentCache
  readonly smallFiles: SmallFiles
}

/** An authenticated request. */
export interface Call {
  readonly gateway: Gateway
  readonly request: HttpRequest
  readonly body: CheckedBody
  /** Options of every PFS call for the request. */
  readonly options: CallOptions
}

/** A request for a bucket or its content. */
export interface BucketCall extends Call {
  readonly bucket: Bucket
}

/** A request for an object. */
export interface ObjectCall extends BucketCall {
  readonly key: string
}

/** Executes a request and returns the response; throws an S3Error or a PfsError. */
export type Operation<C extends Call> = (call: C) => Promise<S3Response>

/** Throws MethodNotAllowed for a bucket at a commit, which is read-only. */
export function requireWritable(bucket: Bucket): void {
  if (bucket.at === undefined) return
  throw new S3Error('MethodNotAllowed', {
    message: `The bucket ${bucket.name} is a branch at one commit and cannot be written. Write to the branch itself.`,
    fields: { BucketName: bucket.name },
  })
}

/**
 * Throws if the bucket is missing or the caller may not list it. InspectBranch does not check permissions, so this lists
 * zero entries: it starts after the last possible path, so that PFS only checks the permission.
 */
export async function requireListable({ gateway, bucket, options }: BucketCall): Promise<void> {
  const file = { commit: commitOf(bucket), path: '/' }
  const page = { file, paginationMarker: `/${afterEveryPath}`, number: 1 }
  for await (const _ of gateway.pfs.listFile(page, options));
}

/** Looks up the object, or its version, that a request addresses; throws as `resolveVersion` does. */
export async function resolveNamedObject({
  gateway,
  request,
  bucket,
  key,
  options,
}: ObjectCall): Promise<StoredObject> {
  const name = { bucket, path: gateway.keys.pathFromKey(key), versionId: queryValue(request, 'versionId') }
  return resolveVersion(gateway, name, options)
}

/** The error for a request to delete one version if the gateway does not hide versions. */
export function immutableVersion(): S3Error {
  return new S3Error('MethodNotAllowed', {
    message:
      'A version of an object is part of a commit, and commits do not change. Delete the key without a versionId.',
  })
}

/** Throws MissingContentLength for a request with neither a Content-Length nor a Transfer-Encoding. */
export function requireContentLength({ request, body }: Call): void {
  if (body.length === undefined && header(request, 'transfer-encoding') === undefined) {
    throw new S3Error('MissingContentLength')
  }
}
