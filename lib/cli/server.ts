import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, Server as TlsServer } from 'node:tls'
import type { S3Handler } from '../index.js'
import type { Arguments, Limits } from './arguments.js'
import { Fault, lineFrom, readNamedFile, reasonFrom } from './fault.js'
import type { HostAndPort } from './setting-values.js'

/** Creates an HTTP server, or HTTPS with `tls`, for the handler; it does not listen yet. */
export function createServer(handler: S3Handler, tls: Arguments['tls'], limits: Limits): Server {
  const options = {
    // Uploads may take any time; the idle timeout below limits stalled connections.
    requestTimeout: 0,
    headersTimeout: limits.headersMilliseconds,
    // By default longer than clients keep idle connections (Go: 90 seconds), so that they never reuse one that we have just closed.
    keepAliveTimeout: limits.keepAliveMilliseconds,
    maxHeaderSize: limits.maxHeaderBytes,
  }
  const server =
    tls === undefined
      ? createHttpServer(options, handler)
      : createHttpsServer({ ...options, ...readCertificate(tls) }, handler)
  server.on(tls === undefined ? 'connection' : 'secureConnection', handler.connection)
  server.on('checkContinue', handler.checkContinue)
  server.on('clientError', handler.clientError)
  // Node answers any other Expect header with a 417 that S3 clients do not understand; S3 ignores the header.
  server.on('checkExpectation', handler)
  server.setTimeout(limits.idleMilliseconds)
  if (limits.maxConnections !== undefined) server.maxConnections = limits.maxConnections
  return server
}

/** Rereads the certificate for new connections. */
export function renewCertificate(server: Server, tls: NonNullable<Arguments['tls']>): void {
  if (server instanceof TlsServer) server.setSecureContext(readCertificate(tls))
}

/** Reads the certificate and its key; throws a Fault that names the flag of the unusable file. */
function readCertificate({ certFile, keyFile }: NonNullable<Arguments['tls']>): { cert: Buffer; key: Buffer } {
  const cert = readNamedFile('the certificate', certFile)
  const key = readNamedFile('the private key', keyFile)
  try {
    createSecureContext({ cert, key })
    return { cert, key }
  } catch (thrown) {
    requirePem('--tls-cert', certFile, cert, () => createSecureContext({ cert }))
    requirePem('--tls-key', keyFile, key, () => createSecureContext({ key }))
    throw new Fault(`cannot use ${certFile} with ${keyFile}: ${lineFrom(thrown)}`)
  }
}

/** Throws a Fault that names the flag if its file is unusable, independent of the other file. */
function requirePem(flag: string, file: string, content: Buffer, use: () => unknown): void {
  if (!content.includes('-----BEGIN ')) throw new Fault(`${flag}: ${file} is not PEM`)
  try {
    use()
  } catch (thrown) {
    throw new Fault(`${flag}: cannot use ${file}: ${lineFrom(thrown)}`)
  }
}

/** Starts listening and returns the address, with the actual port for port 0. */
export async function listen(server: Server, { host, port }: HostAndPort): Promise<HostAndPort> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Fault(`cannot listen on ${host}:${port}: ${reasonFrom(error)}`))
    })
    // Without a host, Node listens on all interfaces, including IPv6 if available.
    server.listen(host === '' ? { port } : { host, port }, resolve)
  })
  return { host, port: (server.address() as AddressInfo).port }
}

/** Stops a server and closes its connections. */
export async function stopServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

/** The URL for clients, which cannot connect to a wildcard address. */
export function urlOf(scheme: string, { host, port }: HostAndPort): string {
  const wildcards: Readonly<Record<string, string>> = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' }
  const reachable = wildcards[host] ?? host
  return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

/** Connections of a server, and the requests that run on them. */
export interface Drain {
  /**
   * Stops listening, closes idle connections, and lets running requests finish; their responses contain
   * `connection: close`. After `milliseconds`, it cuts the remaining connections. Resolves to the number of cut requests.
   */
  stop(milliseconds: number): Promise<number>
}

/** Tracks connections from the start, since Node counts a half-sent request header as a running request. */
export function watchConnections(server: Server): Drain {
  const sockets = new Map<string, Socket>()
  /** By connection: a response that waits behind another one emits no event if the connection closes. */
  const running = new Map<string, Set<ServerResponse>>()
  let isDraining = false

  const closeIdle = (): void => {
    for (const [name, socket] of sockets) if (!running.has(name)) socket.destroy()
  }

  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket)
    sockets.set(name, socket)
    socket.once('close', () => {
      sockets.delete(name)
      running.delete(name)
    })
  })
  const track = ({ socket }: IncomingMessage, res: ServerResponse): void => {
    const name = nameOf(socket)
    const responses = running.get(name) ?? new Set()
    running.set(name, responses.add(res))
    if (isDraining) res.shouldKeepAlive = false
    res.once('close', () => {
      responses.delete(res)
      if (responses.size === 0 && running.get(name) === responses) running.delete(name)
      if (isDraining) closeIdle()
    })
  }
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.prependListener(event, track)

  return {
    async stop(milliseconds) {
      isDraining = true
      for (const responses of running.values()) for (const res of responses) res.shouldKeepAlive = false
      const closed = new Promise((resolve) => server.close(resolve))
      let cut = 0
      const deadline = setTimeout(() => {
        for (const { size } of running.values()) cut += size
        for (const socket of sockets.values()) socket.destroy()
      }, milliseconds)
      closeIdle()
      await closed
      clearTimeout(deadline)
      // The server closes before the cut connections do, and a request is logged only when its connection closes.
      await Promise.all([...sockets.values()].map((socket) => once(socket, 'close')))
      return cut
    },
  }
}

/** Identifies a connection by its client's address; a TLS socket and its underlying socket have the same. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
