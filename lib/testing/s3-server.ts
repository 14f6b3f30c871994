import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { S3Handler } from '../handler.js'

/** A listening S3 server. */
export interface S3Server {
  /** `http://host:port`, the form that S3 clients use. */
  readonly endpoint: string
  readonly port: number
  /** Closes all connections and frees the port. */
  close(): Promise<void>
}

/**
 * Serves a handler over HTTP, for S3 clients that need an address.
 *
 * @param options The address to listen on; by default a free port of 127.0.0.1.
 * @throws Error if it cannot listen
 * @example
 * ```ts
 * const server = await serveS3(createS3Handler(pfs, { mode: 'none' }))
 * const s3 = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
 * // … and after the tests
 * await server.close()
 * ```
 */
export async function serveS3(
  handler: S3Handler,
  { host = '127.0.0.1', port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<S3Server> {
  // Longer than any test keeps a connection idle.
  const server = createServer({ keepAliveTimeout: 600_000 }, handler)
    .on('checkContinue', handler.checkContinue)
    .on('clientError', handler.clientError)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const bound = (server.address() as AddressInfo).port
  return {
    endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
