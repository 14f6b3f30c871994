import type { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type {
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js'
import type { CallOptions, Commit, FileOperation } from '../client.js'
import { PfsError } from '../errors.js'
import type { Codec } from './codec/codec.js'
import { type ModifyFileRequest, modifyFileRequest } from './codec/file-operations.js'
import type { Method } from './methods.js'
import { statusFromError } from './status.js'

/** The caller's token, and a signal for when it goes away. */
function callOptionsOf(call: EventEmitter & { metadata: Metadata }): CallOptions {
  const [authToken] = call.metadata.get('authn-token')
  const controller = new AbortController()
  call.on('cancelled', () => controller.abort())
  return { signal: controller.signal, ...(typeof authToken === 'string' && { authToken }) }
}

function decodeRequest<Request>(codec: Codec<Request>, message: Buffer): Request {
  try {
    return codec.decode(message)
  } catch (cause) {
    if (cause instanceof PfsError) throw cause
    throw new PfsError('INTERNAL', 'a request cannot be decoded', { cause })
  }
}

/** Answers one request with one value. */
export function serveUnary<Request, Response>(
  method: Method<Request, Response>,
  run: (request: Request, options: CallOptions) => Promise<Response>,
): handleUnaryCall<Buffer, Buffer> {
  const answer = async (call: ServerUnaryCall<Buffer, Buffer>) => {
    const response = await run(decodeRequest(method.request, call.request), callOptionsOf(call))
    return method.response.encode(response)
  }
  return (call, callback) => {
    answer(call).then(
      (message) => callback(null, message),
      (error: unknown) => callback(statusFromError(error)),
    )
  }
}

/** Answers one request with a stream, no faster than the caller reads. */
export function serveDownload<Request, Response>(
  method: Method<Request, Response>,
  run: (request: Request, options: CallOptions) => AsyncIterable<Response>,
): handleServerStreamingCall<Buffer, Buffer> {
  const send = async (call: ServerWritableStream<Buffer, Buffer>) => {
    const options = callOptionsOf(call)
    for await (const value of run(decodeRequest(method.request, call.request), options)) {
      await write(call, method.response.encode(value))
      options.signal?.throwIfAborted()
    }
  }
  return (call) => {
    send(call).then(
      () => call.end(),
      (error: unknown) => call.emit('error', statusFromError(error)),
    )
  }
}

/** Resolves when the transport has taken the message, or the caller has gone. */
function write(call: ServerWritableStream<Buffer, Buffer>, message: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      call.off('cancelled', settle)
      resolve()
    }
    call.on('cancelled', settle)
    call.write(message, settle)
    if (call.cancelled) settle()
  })
}

/** Answers `ModifyFile`: the first message names the commit. */
export function serveModifyFile(
  run: (commit: Commit, operations: AsyncIterable<FileOperation>, options: CallOptions) => Promise<void>,
  response: Codec<void>,
): handleClientStreamingCall<Buffer, Buffer> {
  return serveUpload(response, async (requests, options) => {
    const first = await requests.next()
    if (first.done === true) throw new PfsError('UNKNOWN', 'EOF')
    if (!('setCommit' in first.value)) throw new PfsError('UNKNOWN', 'first message must be a commit')
    await run(first.value.setCommit, operationsFromRequests(requests), options)
  })
}

/** Answers `CreateFileSet`: every message is an operation. */
export function serveCreateFileSet(
  run: (operations: AsyncIterable<FileOperation>, options: CallOptions) => Promise<string>,
  response: Codec<string>,
): handleClientStreamingCall<Buffer, Buffer> {
  return serveUpload(response, (requests, options) => run(operationsFromRequests(requests), options))
}

function serveUpload<Response>(
  response: Codec<Response>,
  run: (requests: AsyncGenerator<ModifyFileRequest, void>, options: CallOptions) => Promise<Response>,
): handleClientStreamingCall<Buffer, Buffer> {
  return (call, callback) => {
    run(readRequests(call), callOptionsOf(call)).then(
      (value) => callback(null, response.encode(value)),
      (error: unknown) => callback(statusFromError(error)),
    )
  }
}

/** Throws where the caller gives up: what it has sent is then not all that there is. */
async function* readRequests(call: ServerReadableStream<Buffer, Buffer>): AsyncGenerator<ModifyFileRequest, void> {
  const gone = () => new PfsError('CANCELLED', 'the caller gave up')
  try {
    for await (const message of call) yield decodeRequest(modifyFileRequest, message)
  } catch (error) {
    throw call.cancelled ? gone() : error
  }
  // A reset of the request looks like its end, until the event loop has turned.
  await nextTurn()
  if (call.cancelled) throw gone()
}

async function* operationsFromRequests(requests: AsyncIterable<ModifyFileRequest>): AsyncGenerator<FileOperation> {
  for await (const request of requests) {
    if ('setCommit' in request) throw new PfsError('UNKNOWN', 'only the first message may be a commit')
    yield request
  }
}
