import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

/**
 * The log record of a finished request. It contains no token, secret or signature: presigned parameters are redacted in
 * every text, also if a malformed URL has them in its path. Control characters are escaped as `\u001b`.
 */
export interface ResponseLog {
  /** When the request headers had arrived. */
  readonly time: Date
  /** The value of the response header `x-amz-request-id`. */
  readonly requestId: string
  readonly method: string
  /** The request target without the values of presigned parameters; bytes other than printable ASCII are percent-encoded. */
  readonly target: string
  /** The S3 action, such as 'GetObject', even if it was refused; undefined if the request matches no action. */
  readonly action?: string
  /** The bucket name in the request; undefined for requests without a bucket. */
  readonly bucket?: string
  readonly key?: string
  /** The version that was returned, or requested. */
  readonly versionId?: string
  /** HTTP status; 499 if the client left before it had received the whole response. */
  readonly status: number
  /** S3's error code; undefined for a success. */
  readonly code?: string
  /** Received bytes of the request body, including aws-chunked framing. */
  readonly bytesIn: number
  /** Sent bytes of the response body, without headers. */
  readonly bytesOut: number
  /** Time from the request headers to the end of the response, in milliseconds. */
  readonly milliseconds: number
  /** Time from the request headers to the first byte of the response, in milliseconds; undefined if the client left before. */
  readonly firstByteMilliseconds?: number
  /**
   * Time during which at least one PFS call was running, in milliseconds. Includes the wait for the body of an upload, and
   * the commit that a write shares with others.
   */
  readonly pfsMilliseconds: number
  /** Number of PFS calls for the request, or for a commit that it shares with others. */
  readonly pfsCalls: number
  readonly remoteAddress?: string
  readonly userAgent?: string
  /** The caller: the Pachyderm user, such as 'user:jo@example.com', or in mode 'keys' the access key id. Undefined for others. */
  readonly requester?: string
}

/** The request of an error. `status` and `code` are those of the response. */
export type ErrorContext = Pick<
  ResponseLog,
  'requestId' | 'method' | 'target' | 'action' | 'bucket' | 'key' | 'status' | 'code'
>

/** Message of `pfs-s3-gateway:request:start` and `:end`: the same object for both, so that subscribers can match them. */
export interface RequestMessage {
  readonly requestId: string
  /** Node's request, for headers such as `traceparent`. */
  readonly request: IncomingMessage
  /** Set at the end. */
  log?: ResponseLog
}

/** Message of `pfs-s3-gateway:pfs:start` and `:end`: the same object for both. */
export interface PfsCallMessage {
  /** The method of PfsClient. */
  readonly method: string
  /** The request that made the call; undefined for calls that several requests share, or that no request made. */
  readonly requestId?: string
  /** Set at the end: 'OK', or the status of the PfsError. */
  status?: string
  milliseconds?: number
}

/** Message of `pfs-s3-gateway:commit`, after a turn of the commit queue; several requests may share a commit. */
export interface CommitMessage {
  /** Number of requests in the turn. */
  readonly writes: number
  /** Number of commits that were made, or open commits that were written; 0 if all writes failed. */
  readonly commits: number
  /** How long each request waited for the turn, in milliseconds. */
  readonly waitMilliseconds: readonly number[]
  readonly milliseconds: number
}

/** Message of `pfs-s3-gateway:queue`: the current number of queued writes of a handler. */
export interface QueueMessage {
  readonly waiting: number
}

/** Message of `pfs-s3-gateway:cache`: a cache look-up. */
export interface CacheMessage {
  /** The name of the cache in docs/architecture.md. */
  readonly cache: CacheName
  readonly isHit: boolean
}

type CacheName =
  | 'ancestors'
  | 'changes'
  | 'commit-times'
  | 'commits'
  | 'contents'
  | 'forks'
  | 'history'
  | 'listings'
  | 'pages'
  | 'parts'
  | 'ranges'
  | 'recent-commits'
  | 'record-directories'
  | 'record-heads'
  | 'records'
  | 'signing-keys'
  | 'tokens'

/** A channel of `node:diagnostics_channel`; messages cost nothing without subscribers. */
interface Channel<Message extends object> {
  readonly hasSubscribers: boolean
  publish(message: Message): void
}

function named<Message extends object>(name: string): Channel<Message> {
  return channel(`pfs-s3-gateway:${name}`)
}

export const requestStart = named<RequestMessage>('request:start')
export const requestEnd = named<RequestMessage>('request:end')
export const pfsStart = named<PfsCallMessage>('pfs:start')
export const pfsEnd = named<PfsCallMessage>('pfs:end')
export const commitDone = named<CommitMessage>('commit')
export const queueChange = named<QueueMessage>('queue')
const cacheLookup = named<CacheMessage>('cache')

/** Publishes a look-up in a cache; a miss is undefined or false. Returns what was found. */
export function noteLookup<Found>(cache: CacheName, found: Found): Found {
  cacheLookup.publish({ cache, isHit: found !== undefined && found !== false })
  return found
}

/** A hook as the gateway calls it. If it throws, the process emits a warning: a hook must not fail anything else. */
export function safeHook<Args extends unknown[]>(hook: (...args: Args) => unknown): (...args: Args) => void {
  const warn = (thrown: unknown): void => process.emitWarning(thrown instanceof Error ? thrown : String(thrown))
  return (...args) => void (async () => hook(...args))().catch(warn)
}
