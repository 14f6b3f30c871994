import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { S3Handler } from '../index.js'
import type { Arguments, HostAndPort } from './arguments.js'
import { Fault, lineFrom } from './fault.js'
import { readNamedFile } from './files.js'
import { reasonFrom } from './reason.js'

const settings = {
  // An upload takes as long as it takes; a connection on which nothing moves is bounded below.
  requestTimeout: 0,
  headersTimeout: 60_000,
  // Longer than clients keep an idle connection (Go's 90 seconds), so that they never write into one that we just closed.
  keepAliveTimeout: 120_000,
}
const silenceMilliseconds = 10 * 60_000

/** An HTTP server, or HTTPS with `tls`, with the handler on it; not listening yet. */
export function createServer(handler: S3Handler, tls: Arguments['tls']): Server {
  const server = tls === undefined ? createHttpServer(settings, handler) : createTlsServer(handler, tls)
  server.on('checkContinue', handler.checkContinue)
  server.setTimeout(silenceMilliseconds)
  return server
}

function createTlsServer(handler: S3Handler, { certFile, keyFile }: NonNullable<Arguments['tls']>): Server {
  const cert = readNamedFile('the certificate', certFile)
  const key = readNamedFile('the private key', keyFile)
  try {
    return createHttpsServer({ ...settings, cert, key }, handler)
  } catch (thrown) {
    throw new Fault(`cannot use ${certFile} with ${keyFile}: ${lineFrom(thrown)}`)
  }
}

/** The address that the server has got: the given host, and a free port for port 0. */
export async function listen(server: Server, { host, port }: HostAndPort): Promise<HostAndPort> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Fault(`cannot listen on ${host}:${port}: ${reasonFrom(error)}`))
    })
    server.listen({ host, port }, resolve)
  })
  return { host, port: (server.address() as AddressInfo).port }
}

/** Takes no more connections, lets the requests that run finish, and is done when the last one is. */
export async function stop(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  // A connection that was busy when the server closed is idle after its answer, and would stay for the keep-alive time.
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  await closed
  clearInterval(sweep)
}
