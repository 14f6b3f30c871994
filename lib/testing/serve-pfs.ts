import { type EventEmitter, once } from 'node:events'
import { createServer, type Server as Listener, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { CallOptions, Commit, FileOperation } from '../pfs/client.js'
import { PfsError } from '../pfs/errors.js'
import { statusFromError } from '../pfs/grpc/call.js'
import type { Codec } from '../pfs/grpc/codec/codec.js'
import { type ModifyFileRequest, modifyFileRequest } from '../pfs/grpc/codec/file-operations.js'
import { authority, parsePfsAddress } from '../pfs/grpc/connection.js'
import type { Method } from '../pfs/grpc/methods.js'
import type { PachydermApi } from './pachyderm-api.js'
import { pachydermMethods as methods } from './pachyderm-methods.js'

/** A listening PFS server. */
export interface PfsServer {
  /** `grpc://host:port`, for `createPfsClient`. */
  readonly address: string
  readonly port: number
  /** Refuses new calls and resolves when running calls have ended; `force` closes their connections. */
  close(options?: { force?: boolean }): Promise<void>
}

const serverOptions = {
  // The limit of released pachd versions; Pachyderm's Python client sends messages of 19 MiB.
  'grpc.max_receive_message_length': 20 * 1024 * 1024,
  'grpc.max_send_message_length': -1,
  'grpc-node.flow_control_window': 1024 * 1024,
}

function implementationOf(pfs: PachydermApi): Record<keyof typeof methods, UntypedServiceImplementation[string]> {
  return {
    createProject: serveUnary(methods.createProject, (request, call) => pfs.createProject(request, call)),
    inspectProject: serveUnary(methods.inspectProject, (request, call) => pfs.inspectProject(request, call)),
    listProject: serveDownload(methods.listProject, (_, call) => pfs.listProject(call)),
    deleteProject: serveUnary(methods.deleteProject, (request, call) => pfs.deleteProject(request, call)),

    createRepo: serveUnary(methods.createRepo, (request, call) => pfs.createRepo(request, call)),
    inspectRepo: serveUnary(methods.inspectRepo, (request, call) => pfs.inspectRepo(request, call)),
    listRepo: serveDownload(methods.listRepo, (request, call) => pfs.listRepo(request, call)),
    deleteRepo: serveUnary(methods.deleteRepo, (request, call) => pfs.deleteRepo(request, call)),

    createBranch: serveUnary(methods.createBranch, (request, call) => pfs.createBranch(request, call)),
    inspectBranch: serveUnary(methods.inspectBranch, (request, call) => pfs.inspectBranch(request, call)),
    listBranch: serveDownload(methods.listBranch, (request, call) => pfs.listBranch(request, call)),
    deleteBranch: serveUnary(methods.deleteBranch, (request, call) => pfs.deleteBranch(request, call)),

    startCommit: serveUnary(methods.startCommit, (request, call) => pfs.startCommit(request, call)),
    finishCommit: serveUnary(methods.finishCommit, (request, call) => pfs.finishCommit(request, call)),
    inspectCommit: serveUnary(methods.inspectCommit, (request, call) => pfs.inspectCommit(request, call)),
    listCommit: serveDownload(methods.listCommit, (request, call) => pfs.listCommit(request, call)),
    findCommits: serveDownload(methods.findCommits, (request, call) => pfs.findCommits(request, call)),

    modifyFile: serveModifyFile(
      (commit, operations, call) => pfs.modifyFile(commit, operations, call),
      methods.modifyFile.response,
    ),
    getFile: serveDownload(methods.getFile, (request, call) => pfs.getFile(request, call)),
    getFileTar: serveDownload(methods.getFileTar, (request, call) => pfs.getFileTar(request, call)),
    inspectFile: serveUnary(methods.inspectFile, (request, call) => pfs.inspectFile(request, call)),
    listFile: serveDownload(methods.listFile, (request, call) => pfs.listFile(request, call)),
    walkFile: serveDownload(methods.walkFile, (request, call) => pfs.walkFile(request, call)),
    globFile: serveDownload(methods.globFile, (request, call) => pfs.globFile(request, call)),
    diffFile: serveDownload(methods.diffFile, (request, call) => pfs.diffFile(request, call)),

    createFileSet: serveCreateFileSet(
      (operations, call) => pfs.createFileSet(operations, call),
      methods.createFileSet.response,
    ),
    getFileSet: serveUnary(methods.getFileSet, (request, call) => pfs.getFileSet(request, call)),
    addFileSet: serveUnary(methods.addFileSet, (request, call) => pfs.addFileSet(request, call)),
    renewFileSet: serveUnary(methods.renewFileSet, (request, call) => pfs.renewFileSet(request, call)),
    composeFileSet: serveUnary(methods.composeFileSet, (request, call) => pfs.composeFileSet(request, call)),

    whoAmI: serveUnary(methods.whoAmI, (_, call) => pfs.whoAmI(call)),
    activateAuth: serveUnary(methods.activateAuth, (request, call) => pfs.activateAuth(request, call)),
    getRobotToken: serveUnary(methods.getRobotToken, (request, call) => pfs.getRobotToken(request, call)),
    modifyRoleBinding: serveUnary(methods.modifyRoleBinding, (request, call) => pfs.modifyRoleBinding(request, call)),
    getRoleBinding: serveUnary(methods.getRoleBinding, (request, call) => pfs.getRoleBinding(request, call)),
  }
}

/** The methods for grpc-js, with messages as bytes: decoding in the handlers lets them send an error of their choice. */
function serviceDefinition(): ServiceDefinition {
  const identity = (message: Buffer) => message
  const definitions = Object.entries(methods).map(([name, { path, requestStream, responseStream }]) => [
    name,
    {
      path,
      requestStream,
      responseStream,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  ])
  return Object.fromEntries(definitions)
}

/**
 * Serves a PfsClient as pachd's `pfs_v2.API` and `auth_v2.API`, without TLS. Incoming messages may have up to 20 MiB.
 *
 * @param address `host:port` or `grpc://host:port`; port 0 chooses a free port.
 * @throws TypeError for an invalid address, Error if it cannot listen.
 * @example
 * const server = await servePfs(createMemoryPfs(), '127.0.0.1:0')
 * const pfs = createPfsClient(server.address)
 */
export async function servePfs(pfs: PachydermApi, address: string): Promise<PfsServer> {
  const { secure, host, port } = parsePfsAddress(address)
  if (secure) throw new TypeError('PFS is served without TLS: use a grpc:// address')
  const server = new Server(serverOptions)
  server.addService(serviceDefinition(), implementationOf(pfs))

  // With our own sockets, a forced close breaks the connections, as when pachd dies; grpc-js would cancel each call
  // instead.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    injector.injectConnection(socket)
  })
  const bound = await listen(listener, host, port)

  return {
    address: `grpc://${authority({ host, port: bound })}`,
    port: bound,
    async close({ force = false } = {}) {
      const listenerClosed = new Promise<void>((resolve) => listener.close(() => resolve()))
      const callsEnded = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      if (force) for (const socket of sockets) socket.destroy()
      await Promise.all([listenerClosed, callsEnded])
    },
  }
}

async function listen(listener: Listener, host: string, port: number): Promise<number> {
  listener.listen(port, host)
  try {
    await once(listener, 'listening')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`cannot serve PFS at ${authority({ host, port })}: ${reason}`, { cause })
  }
  const address = listener.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/** The token of the caller, and a signal that fires when the caller leaves. */
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

/** Serves a unary call. */
function serveUnary<Request, Response>(
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

/** Serves a stream at the speed of its reader. */
function serveDownload<Request, Response>(
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

/** Resolves when the transport has accepted the message or the caller has left. */
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

/** Serves `ModifyFile`: the first message names the commit. */
function serveModifyFile(
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

/** Serves `CreateFileSet`: every message is an operation. */
function serveCreateFileSet(
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

/** Throws if the caller cancels: the messages so far are incomplete then. */
async function* readRequests(call: ServerReadableStream<Buffer, Buffer>): AsyncGenerator<ModifyFileRequest, void> {
  const gone = () => new PfsError('CANCELLED', 'the caller cancelled the call')
  try {
    for await (const message of call) yield decodeRequest(modifyFileRequest, message)
  } catch (error) {
    throw call.cancelled ? gone() : error
  }
  // A reset looks like the end of the requests until the next turn of the event loop.
  await nextTurn()
  if (call.cancelled) throw gone()
}

async function* operationsFromRequests(requests: AsyncIterable<ModifyFileRequest>): AsyncGenerator<FileOperation> {
  for await (const request of requests) {
    if ('setCommit' in request) throw new PfsError('UNKNOWN', 'only the first message may be a commit')
    yield request
  }
}
