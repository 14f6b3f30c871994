import type { CommitQueue } from '../commits/commit-queue.js'
import type { Turns } from '../concurrency.js'
import type { HttpRequest } from '../http/request.js'
import type { S3Response } from '../http/response.js'
import type { CallOptions, PfsClient } from '../pfs/client.js'
import type { RecordStore } from '../records/record-store.js'
import type { Bucket, BucketNames } from '../resolver/bucket-name.js'
import type { KeyCodec } from '../resolver/key.js'
import type { PageMemory } from '../resolver/listing/page-memory.js'
import type { MissingBuckets } from '../resolver/missing-bucket.js'
import type { Ancestry } from '../resolver/versions/ancestry.js'
import type { ChangeLog } from '../resolver/versions/changes.js'
import type { RemovalSearch } from '../resolver/versions/removal.js'
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
  readonly pages: PageMemory
  /** The region that GetBucketLocation answers. */
  readonly region: string
  /** Bodies of at most so many bytes are read whole and share commits. */
  readonly maxSharedBodyBytes: number
  /** By upload id: whoever completes or aborts an upload does so alone. */
  readonly uploadTurns: Turns
  /** By project and repo: whoever makes or deletes branches does so alone. */
  readonly repoTurns: Turns
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
