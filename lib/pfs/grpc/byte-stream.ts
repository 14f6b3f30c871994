import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type { CallOptions } from '../client.js'
import { PfsError, type PfsStatus } from '../errors.js'
import { cancelled, type Download, pfsErrorFromStatus, requireSendable } from './call.js'
import { decodeVarint, valueTag } from './codec/codec.js'
import { authority, keepAlive, type PfsAddress } from './connection.js'

/**
 * HTTP/2 flow-control window of a call, in bytes: the maximum that waits in memory for its reader, and that arrives in one
 * round trip. The window of the connection limits only the bytes on the way, of all its calls.
 */
const callWindow = 256 * 1024
const connectionWindow = 16 * 1024 * 1024

/** Node refuses calls beyond this, by default from 10 MB on: less than the windows of all calls of a connection. */
const maxSessionMegabytes = 1000

/**
 * A connection for methods that return a stream of `BytesValue`, whose readers do not care where a message ends. grpc-js
 * would put each message together before it passes it on: pachd's have up to 20 MiB, and would be in memory twice.
 */
export interface ByteConnection {
  /** Starts a call. The download receives bytes as they arrive; without a connection, it fails with UNAVAILABLE. */
  start(path: string, request: Buffer, options: CallOptions): Download
  /** Lets running calls finish. */
  close(): void
}

/** Creates a connection. It connects at the first call, and again at the first one after it was lost. */
export function createByteConnection(address: PfsAddress, ca: Buffer | undefined): ByteConnection {
  const url = `${address.secure ? 'https' : 'http'}://${authority(address)}`
  let session: Session | undefined
  let isClosed = false
  return {
    start(path, request, { signal, authToken }) {
      if (isClosed) throw new PfsError('CANCELLED', 'the PFS client is closed')
      if (signal?.aborted) throw cancelled(signal)
      requireSendable(authToken)
      if (session === undefined || session.http2.closed || session.http2.destroyed) session = new Session(url, ca)
      const call = new ByteCall(session.request(path, authToken), session, signal)
      call.send(request)
      return call
    },
    close() {
      isClosed = true
      session?.http2.close()
    },
  }
}

/** An HTTP/2 session, which keeps the process alive only while it has calls, and ends if pings are not answered. */
class Session {
  readonly http2: ClientHttp2Session
  #calls = 0
  #connection: Duplex | undefined

  constructor(url: string, ca: Buffer | undefined) {
    const settings = { initialWindowSize: callWindow, enablePush: false }
    this.http2 = connect(url, { settings, maxSessionMemory: maxSessionMegabytes, ...(ca && { ca }) })
    // Each of its calls reports the error.
    this.http2.on('error', () => {})
    this.http2.once('connect', (_, socket) => {
      this.#connection = socket
      this.http2.setLocalWindowSize(connectionWindow)
    })
    const pings = setInterval(() => this.#ping(), keepAlive.milliseconds).unref()
    this.http2.once('close', () => clearInterval(pings))
  }

  request(path: string, authToken: string | undefined): ClientHttp2Stream {
    const stream = this.http2.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      'grpc-accept-encoding': 'identity',
      te: 'trailers',
      ...(authToken && { 'authn-token': authToken }),
    })
    this.#calls += 1
    this.http2.ref()
    stream.once('close', () => {
      this.#calls -= 1
      if (this.#calls === 0) this.http2.unref()
    })
    return stream
  }

  #ping(): void {
    if (this.http2.destroyed) {
      // It has ended its half of the connection, and PFS, or a proxy, has not ended the other.
      this.#connection?.destroy()
      return
    }
    const giveUp = (): void => this.http2.destroy(new Error('PFS does not answer pings'))
    const late = setTimeout(giveUp, keepAlive.timeoutMilliseconds).unref()
    this.http2.ping(() => clearTimeout(late))
  }
}

class ByteCall implements Download {
  readonly #stream: ClientHttp2Stream
  readonly #session: Session
  readonly #signal: AbortSignal | undefined
  readonly #chunks: AsyncIterator<Buffer>
  readonly #closed: Promise<void>
  readonly #values = new ValueReader()
  #headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {}
  #trailers: IncomingHttpHeaders = {}

  constructor(stream: ClientHttp2Stream, session: Session, signal: AbortSignal | undefined) {
    this.#stream = stream
    this.#session = session
    this.#signal = signal
    this.#chunks = stream.iterator({ destroyOnReturn: false })
    stream.once('response', (headers) => {
      this.#headers = headers
    })
    stream.once('trailers', (headers) => {
      this.#trailers = headers
    })
    // The iterator of the chunks reports it, but perhaps nothing is reading from that.
    stream.on('error', () => {})
    const cancel = (): void => this.cancel()
    signal?.addEventListener('abort', cancel)
    this.#closed = new Promise((resolve) => {
      stream.once('close', () => {
        signal?.removeEventListener('abort', cancel)
        resolve()
      })
    })
  }

  send(message: Buffer): void {
    const prefix = Buffer.alloc(prefixBytes)
    prefix.writeUInt32BE(message.length, 1)
    this.#stream.end(Buffer.concat([prefix, message]))
  }

  async receive(): Promise<Buffer | undefined> {
    let failure: unknown
    try {
      for (;;) {
        const value = this.#values.next()
        if (value !== undefined) return value
        const { done, value: chunk } = await this.#chunks.next()
        if (done === true) break
        if (this.#headers[':status'] === 200) this.#values.append(chunk)
      }
    } catch (error) {
      failure = error
    }
    if (this.#signal?.aborted) throw cancelled(this.#signal)
    if (failure instanceof PfsError) throw failure
    await this.#closed
    const error = this.#failure(failure)
    if (error !== undefined) throw error
    return undefined
  }

  cancel(): void {
    // Not destroyed: Node forgets the reset of a stream that is destroyed while a frame of it is being read.
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  /** Why the call has failed; undefined if it has succeeded. */
  #failure(reason: unknown): PfsError | undefined {
    const { 'grpc-status': code, 'grpc-message': text } = { ...this.#headers, ...this.#trailers }
    if (code === '0' && this.#values.isBetweenMessages) return undefined
    if (code !== undefined && code !== '0') {
      return pfsErrorFromStatus({ code: Number(code), details: decodeText(String(text ?? '')) })
    }
    const status = this.#headers[':status'] ?? 200
    if (status !== 200)
      return new PfsError(statusFromHttp[status] ?? 'UNKNOWN', `PFS answered with HTTP status ${status}`)
    const message = reason instanceof Error ? reason.message : 'the call ended before its last message'
    if (this.#session.http2.destroyed) return new PfsError('UNAVAILABLE', message, { cause: reason })
    return new PfsError(statusFromReset[this.#stream.rstCode] ?? 'INTERNAL', message, { cause: reason })
  }
}

/** By the HTTP status of an answer that is not PFS's, such as a proxy's. @see https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const statusFromHttp: Readonly<Record<number, PfsStatus>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'UNIMPLEMENTED',
  429: 'UNAVAILABLE',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
}

/** By the error code of RST_STREAM (RFC 9113, 7). */
const statusFromReset: Readonly<Record<number, PfsStatus>> = {
  [constants.NGHTTP2_REFUSED_STREAM]: 'UNAVAILABLE',
  [constants.NGHTTP2_CANCEL]: 'CANCELLED',
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: 'RESOURCE_EXHAUSTED',
}

/** gRPC percent-encodes texts; pachd's may contain a percent sign that it has not encoded. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The bytes before a message: whether it is compressed, and its length. */
const prefixBytes = 5

/** Prefix, tag and varint of a value's length. */
const maxHeadBytes = prefixBytes + 1 + 5

/** Cuts the values out of a stream of `BytesValue` messages, of which any number of bytes may have arrived. */
class ValueReader {
  readonly #head = Buffer.alloc(maxHeadBytes)
  #headLength = 0
  /** Missing bytes of the current value. */
  #left = 0
  #chunk: Buffer = Buffer.alloc(0)

  /** Takes the next bytes of the stream; `next` must have consumed those before. */
  append(chunk: Buffer): void {
    this.#chunk = chunk
  }

  /** The next bytes of a value, as a view; undefined if more of the stream is needed. @throws PfsError INTERNAL */
  next(): Buffer | undefined {
    while (this.#chunk.length > 0) {
      if (this.#left > 0) {
        const value = this.#chunk.subarray(0, this.#left)
        this.#chunk = this.#chunk.subarray(value.length)
        this.#left -= value.length
        return value
      }
      this.#headLength += this.#chunk.copy(this.#head, this.#headLength, 0, 1)
      this.#chunk = this.#chunk.subarray(1)
      const length = valueLength(this.#head.subarray(0, this.#headLength))
      if (length === undefined) continue
      this.#left = length
      this.#headLength = 0
    }
    return undefined
  }

  get isBetweenMessages(): boolean {
    return this.#left === 0 && this.#headLength === 0
  }
}

/** The length of the value of a message from the bytes before the value; undefined if some of these are missing. */
function valueLength(head: Buffer): number | undefined {
  if (head.length < prefixBytes) return undefined
  const messageLength = head.readUInt32BE(1)
  if (messageLength === 0) return 0
  if (head.length === prefixBytes) return undefined
  const length = decodeVarint(head, prefixBytes + 1)
  if (length === undefined && head.length < maxHeadBytes && head[prefixBytes] === valueTag) return undefined
  const isBytesValue = head[0] === 0 && head[prefixBytes] === valueTag
  if (length === undefined || !isBytesValue || length.end - prefixBytes + length.value !== messageLength) {
    throw new PfsError('INTERNAL', 'a response cannot be decoded')
  }
  return length.value
}
