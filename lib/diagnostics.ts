import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'

/** The record of one request that is over, for logs and metrics. It holds no token, secret or signature. */
export interface ResponseLog {
  /** When the head of the request had come. */
  readonly time: Date
  /** As in the header `x-amz-request-id` of the answer. */
  readonly requestId: string
  readonly method: string
  /** As on the request line, without the values of presigned parameters; bytes that are no printable ASCII are percent-encoded. */
  readonly target: string
  /** S3's name of the action, such as 'GetObject', also if it was refused; absent if the request is for none. */
  readonly action?: string
  /** The bucket as the client named it; absent if the request is for none. */
  readonly bucket?: string
  readonly key?: string
  /** The version that was answered, or the one that was asked for. */
  readonly versionId?: string
  /** 499 if the client left before it had the whole answer. */
  readonly status: number
  /** S3's code of an answer that is an error. */
  readonly code?: string
  /** Bytes of the request's body that arrived, framing of aws-chunked included. */
  readonly bytesIn: number
  /** Bytes of the answer's body, without its head. */
  readonly bytesOut: number
  /** From the request's head to the end of the answer. */
  readonly milliseconds: number
  /** From the request's head to the first byte of the answer's; absent if the client left before. */
  readonly firstByteMilliseconds?: number
  /**
   * Time in which at least one call to PFS was running. That of an upload includes the wait for its body, that of a
   * write includes the commit that it shares with others.
   */
  readonly pfsMilliseconds: number
  /** Calls to PFS that were made for the request, or for a commit that it shares with others. */
  readonly pfsCalls: number
  readonly remoteAddress?: string
  readonly userAgent?: string
  /** Who signed: the Pachyderm user such as 'user:jo@example.com', or in mode 'keys' the access key id. Absent for anybody else. */
  readonly requester?: string
}

/** The request that an error is about. `status` and `code` are those of the answer. */
export type ErrorContext = Pick<
  ResponseLog,
  'requestId' | 'method' | 'target' | 'action' | 'bucket' | 'key' | 'status' | 'code'
>

/** The message of `pfs-s3-gateway:request:start` and `:end`: one object for both, so that it can stand for the request. */
export interface RequestMessage {
  readonly requestId: string
  /** The message of Node, for its headers, such as `traceparent`. */
  readonly request: IncomingMessage
  /** At the end only. */
  log?: ResponseLog
}

/** The message of `pfs-s3-gateway:pfs:start` and `:end`: one object for both. */
export interface PfsCallMessage {
  /** The method of PfsClient. */
  readonly method: string
  /** The request that the call is made for; absent for work of several requests, or of none. */
  readonly requestId?: string
  /** At the end: 'OK', or the status of the PfsError. */
  status?: string
  milliseconds?: number
}

/** The message of `pfs-s3-gateway:commit`, after a turn in which writes of several requests may share a commit. */
export interface CommitMessage {
  /** Requests that took part. */
  readonly writes: number
  /** Commits that were made, or open commits that were added to; none if all writes failed. */
  readonly commits: number
  /** How long each waited for the turn. */
  readonly waitMilliseconds: readonly number[]
  readonly milliseconds: number
}

/** The message of `pfs-s3-gateway:queue`: writes of one handler that wait for their turn now. */
export interface QueueMessage {
  readonly waiting: number
}

/** The message of `pfs-s3-gateway:cache`: a look-up. */
export interface CacheMessage {
  readonly cache: 'contents' | 'tokens'
  readonly isHit: boolean
}

/** A channel of `node:diagnostics_channel`; without subscribers a message costs nothing. */
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
export const cacheLookup = named<CacheMessage>('cache')
