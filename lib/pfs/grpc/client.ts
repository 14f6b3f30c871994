import type { Channel } from '@grpc/grpc-js'
import type { CallOptions, Commit, FileOperations, PfsClient } from '../client.js'
import { PfsError } from '../errors.js'
import { createByteConnection } from './byte-stream.js'
import { byteConnectionOver, callDownload, callUnary, callUpload, readDownload } from './client-calls.js'
import type { ModifyFileRequest } from './codec/file-operations.js'
import { createChannel, mayUseProxy, parsePfsAddress } from './connection.js'
import { type Method, methods } from './methods.js'

/** Options of `createPfsClient`. */
export interface PfsClientOptions {
  /**
   * PEM certificates of the authorities to trust for a `grpcs://` address.
   *
   * @default Node's own list
   */
  readonly caCertificates?: Uint8Array | string | undefined
  /**
   * Time limit of a unary call, in milliseconds. Streams, and waiting for a commit, have no limit.
   *
   * @default 60_000
   */
  readonly deadlineMilliseconds?: number | undefined
}

/** A PfsClient with its own connections. */
export interface GrpcPfsClient extends PfsClient {
  /** Lets running calls finish and refuses new ones with CANCELLED. */
  close(): void
}

/** Own connections to PFS, and how methods of each kind are called over them. */
export type PfsConnection = ReturnType<typeof connectPfs>

/** Prepares connections as `createPfsClient` describes. */
export function connectPfs(address: string, options: PfsClientOptions) {
  const { deadlineMilliseconds = 60_000 } = options
  const caCertificates = options.caCertificates === undefined ? undefined : Buffer.from(options.caCertificates)
  const target = parsePfsAddress(address)
  const open = (): Channel => createChannel(target, caCertificates)
  const channel = open()
  const uploads = createTransfers(open)
  const downloads = createTransfers(() =>
    mayUseProxy(target) ? byteConnectionOver(open()) : createByteConnection(target, caCertificates),
  )

  const unary =
    (repeatable: boolean) =>
    <Request, Response>(method: Method<Request, Response>) =>
    (request: Request, call: CallOptions = {}) =>
      callUnary(channel, method, request, call, { repeatable, deadlineMilliseconds })
  const download =
    <Request, Response>(method: Method<Request, Response>) =>
    (request: Request, call: CallOptions = {}) =>
      callDownload(channel, method, request, call)

  /** Sends available content at once, and content from a client as it arrives. */
  const upload = async <Response>(
    method: Method<ModifyFileRequest, Response>,
    commit: Commit | undefined,
    operations: FileOperations,
    call: CallOptions,
  ): Promise<Response> => {
    if (Symbol.iterator in operations) return callUpload(channel, method, commit, operations, call)
    const transfer = uploads.enter()
    try {
      return await callUpload(transfer.connection, method, commit, operations, call)
    } finally {
      transfer.leave()
    }
  }
  const bytes = <Request>(method: Method<Request, Uint8Array>) =>
    async function* (request: Request, call: CallOptions = {}): AsyncGenerator<Uint8Array> {
      const message = method.request.encode(request)
      const transfer = downloads.enter()
      try {
        yield* readDownload(channel, call, () => transfer.connection.start(method.path, message, call))
      } finally {
        transfer.leave()
      }
    }

  return {
    /** A unary call that is retried for a few seconds while PFS is unavailable. */
    read: unary(true),
    write: unary(false),
    /** A read without a time limit. */
    wait: <Request, Response>(method: Method<Request, Response>, request: Request, call: CallOptions) =>
      callUnary(channel, method, request, call, { repeatable: true, deadlineMilliseconds: Number.POSITIVE_INFINITY }),
    download,
    /** A download of bytes, which may last as long as a client reads; its messages are not kept together. */
    bytes,
    upload,
    close() {
      channel.close()
      uploads.close()
      downloads.close()
    },
  }
}

/**
 * Creates a client of PFS at `grpc://host:port`, `grpcs://host:port` (TLS) or `host:port`. It connects at the first call.
 * While PFS is unavailable, reads are retried for a few seconds; writes only wait for a connection.
 *
 * @throws TypeError if the address or an option is invalid.
 * @example
 * const pfs = createPfsClient('grpc://pachd:1650')
 * const server = createServer(createS3Handler(pfs, { mode: 'pachyderm' }))
 */
export function createPfsClient(address: string, options: PfsClientOptions = {}): GrpcPfsClient {
  return clientOver(connectPfs(address, options))
}

/** The client over connections that others may use as well. */
export function clientOver({ read, write, wait, download, bytes, upload, close }: PfsConnection): GrpcPfsClient {
  const inspectCommit = read(methods.inspectCommit)
  const whoAmI = read(methods.whoAmI)
  return {
    inspectProject: read(methods.inspectProject),

    createRepo: write(methods.createRepo),
    inspectRepo: read(methods.inspectRepo),
    listRepo: download(methods.listRepo),
    deleteRepo: write(methods.deleteRepo),

    createBranch: write(methods.createBranch),
    inspectBranch: read(methods.inspectBranch),
    listBranch: download(methods.listBranch),
    deleteBranch: write(methods.deleteBranch),

    inspectCommit: (request, call = {}) =>
      request.wait === undefined ? inspectCommit(request, call) : wait(methods.inspectCommit, request, call),
    listCommit: download(methods.listCommit),

    modifyFile: (commit, operations, call = {}) => upload(methods.modifyFile, commit, operations, call),
    getFile: bytes(methods.getFile),
    getFileTar: bytes(methods.getFileTar),
    inspectFile: read(methods.inspectFile),
    listFile: download(methods.listFile),
    walkFile: download(methods.walkFile),
    globFile: download(methods.globFile),
    diffFile: download(methods.diffFile),

    createFileSet: (operations, call = {}) => upload(methods.createFileSet, undefined, operations, call),
    addFileSet: write(methods.addFileSet),
    composeFileSet: write(methods.composeFileSet),

    whoAmI: (call = {}) => whoAmI(undefined, call),

    close,
  }
}

/** Maximum calls per connection: a proxy may allow a hundred, and further calls would wait without notice. */
const maxCalls = 64

/** Connections for calls that last as long as clients take, so that these calls do not block others. */
interface Transfers<Connection> {
  /** A connection with capacity for one more call; `leave` reports the end of the call. */
  enter(): { readonly connection: Connection; readonly leave: () => void }
  close(): void
}

/** Opens a connection if all others are full, and closes it when it is idle. */
function createTransfers<Connection extends { close(): void }>(open: () => Connection): Transfers<Connection> {
  const transfers = new Set<{ readonly connection: Connection; calls: number }>()

  let isClosed = false

  return {
    enter() {
      if (isClosed) throw new PfsError('CANCELLED', 'the PFS client is closed')
      let free = [...transfers].find(({ calls }) => calls < maxCalls)
      if (free === undefined) {
        free = { connection: open(), calls: 0 }
        transfers.add(free)
      }
      const entered = free
      entered.calls += 1
      return {
        connection: entered.connection,
        leave() {
          entered.calls -= 1
          if (entered.calls > 0 || transfers.size === 1 || isClosed) return
          transfers.delete(entered)
          entered.connection.close()
        },
      }
    },
    close() {
      isClosed = true
      for (const { connection } of transfers) connection.close()
    },
  }
}
