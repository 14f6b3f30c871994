import type { CommitQueue } from '../commits/commit-queue.js'
import type { Turns } from '../concurrency.js'
import { S3Error } from '../errors.js'
import { type HttpRequest, header, queryValue } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import type { CallOptions, PfsClient } from '../pfs/client.js'
import { afterEveryPath } from '../pfs/path.js'
import type { RecordStore } from '../records/record-store.js'
import { type Bucket, type BucketNames, commitOf } from '../resolver/bucket-name.js'
import type { KeyCodec } from '../resolver/key.js'
import type { PageMemory } from '../resolver/listing/path-reader.js'
import type { MissingBuckets } from '../resolver/missing-bucket.js'
import type { StoredObject } from '../resolver/object.js'
import type { ChangeLog } from '../resolver/versions/changes.js'
import type { Ancestry } from '../resolver/versions/history.js'
import { type RemovalSearch, resolveVersion } from '../resolver/versions/object-version.js'
import type { VersionWalk } from '../resolver/versions/version-walk.js'
import type { CheckedBody } from '../signature/checked-body.js'
import type { ContentCache } from './content-cache.js'

/** What all calls of one handler share. */
export interface Gateway {
  readonly pfs: PfsClient
  readonly commits: CommitQueue
  readonly records: RecordStore
  readonly keys: KeyCodec
  readonly bucketNames: BucketNames
  readonly missingBuckets: MissingBuckets
  readonly ancestry: Ancestry
  readonly removals: RemovalSearch
  readonly changes: ChangeLog
  readonly versionWalk: VersionWalk
  /** Whether a version that a client deletes is hidden; otherwise the client is refused. */
  readonly hidesVersions: boolean
  readonly pages: PageMemory
  /** The region that GetBucketLocation answers. */
  readonly region: string
  /** Bodies of at most so many bytes are read whole and share commits. */
  readonly maxSharedBodyBytes: number
  /** By upload id: whoever completes or aborts an upload does so alone. */
  readonly uploadTurns: Turns
  /** By project and repo: whoever makes or deletes branches does so alone. */
  readonly repoTurns: Turns
  /** By branch: whoever deletes versions does so alone. */
  readonly versionTurns: Turns
  readonly contents: ContentCache
}

/** A request whose sender is known. */
export interface Call {
  readonly gateway: Gateway
  readonly request: HttpRequest
  readonly body: CheckedBody
  /** Of every PFS call that is made for the request. */
  readonly options: CallOptions
}

/** A request about a bucket, or about what is in it. */
export interface BucketCall extends Call {
  readonly bucket: Bucket
}

/** A request about an object. */
export interface ObjectCall extends BucketCall {
  readonly key: string
}

/** What answers a request; throws an S3Error or what PFS refused. */
export type Operation<C extends Call> = (call: C) => Promise<S3Response>

/** Throws for a bucket at a commit: history does not change. */
export function requireWritable(bucket: Bucket): void {
  if (bucket.at === undefined) return
  throw new S3Error('MethodNotAllowed', {
    message: `The bucket ${bucket.name} is a branch at one commit and cannot be written. Write to the branch itself.`,
    fields: { BucketName: bucket.name },
  })
}

/**
 * Throws where the bucket is not there or the caller may not list it. InspectBranch also shows branches that the caller
 * has no right on, so a page is asked for, from behind everything that could be on it.
 */
export async function requireListable({ gateway, bucket, options }: BucketCall): Promise<void> {
  const file = { commit: commitOf(bucket), path: '/' }
  const page = { file, paginationMarker: `/${afterEveryPath}`, number: 1 }
  for await (const _ of gateway.pfs.listFile(page, options));
}

/** Asks PFS for the object, or the version of it, that a request is about; throws as `resolveVersion` does. */
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

/** The answer to who would delete one version: it is part of a commit. */
export function immutableVersion(): S3Error {
  return new S3Error('MethodNotAllowed', {
    message:
      'A version of an object is part of a commit, and history does not change. Delete the key without a versionId.',
  })
}

/** Throws MissingContentLength for a request that says neither how long its body is nor that it will not say. */
export function requireContentLength({ request, body }: Call): void {
  if (body.length === undefined && header(request, 'transfer-encoding') === undefined) {
    throw new S3Error('MissingContentLength')
  }
}
