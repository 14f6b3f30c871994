import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AuthConfig,
  createMemoryPfs,
  createPfsClient,
  createS3Handler,
  type PfsClient,
  type S3HandlerOptions,
  servePfs,
} from '../../lib/index.js'

export interface GatewaySettings {
  /** A new PFS in memory where absent. */
  readonly pfs?: PfsClient
  /** `{ mode: 'none' }` where absent. */
  readonly authConfig?: AuthConfig
  readonly options?: S3HandlerOptions
  /** Puts `servePfs` and `createPfsClient` between the handler and `pfs`. */
  readonly overWire?: boolean
}

export interface Gateway {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly endpoint: string
  readonly port: number
  /** The PFS behind the gateway, never the wire in front of it. */
  readonly pfs: PfsClient
  /** Cuts what is still open and frees the port. */
  close(): Promise<void>
}

/** A gateway on a free port of this process; close it in `suite.after`. */
export async function startGateway(settings: GatewaySettings = {}): Promise<Gateway> {
  const pfs = settings.pfs ?? createMemoryPfs()
  const wire = settings.overWire === true ? await connectOverWire(pfs) : undefined
  const handler = createS3Handler(wire?.client ?? pfs, settings.authConfig ?? { mode: 'none' }, settings.options)
  // Longer than any test leaves a connection idle.
  const server = createServer({ keepAliveTimeout: 600_000 }, handler)
  server.on('checkContinue', handler.checkContinue)
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    pfs,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await wire?.close()
    },
  }
}

async function connectOverWire(pfs: PfsClient) {
  const served = await servePfs(pfs, '127.0.0.1:0')
  const client = createPfsClient(`grpc://127.0.0.1:${served.port}`)
  return {
    client,
    async close() {
      client.close()
      await served.close()
    },
  }
}
