import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AuthConfig,
  createPfsClient,
  createS3Handler,
  type PfsClient,
  type S3HandlerOptions,
  servePfs,
} from '../../lib/index.js'
import { openPfs, stage, type TestPfs } from './test-pfs.js'

export interface GatewaySettings {
  /** Without it, one of `openPfs`, with its `authConfig`. */
  readonly pfs?: PfsClient
  /** @default { mode: 'none' } */
  readonly authConfig?: AuthConfig
  readonly options?: S3HandlerOptions
  /** Puts `servePfs` and `createPfsClient` between the handler and `pfs`; a real pachd is behind a wire of its own. */
  readonly overWire?: boolean
}

export interface Gateway {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly endpoint: string
  readonly port: number
  /** The PFS behind the gateway, never the wire in front of it; one of `openPfs` acts as root. */
  readonly pfs: PfsClient
  /** Cuts what is still open and frees the port. */
  close(): Promise<void>
}

/** A gateway on a free port of this process; close it in `suite.after`. */
export async function startGateway(settings: GatewaySettings = {}): Promise<Gateway> {
  const opened = settings.pfs === undefined ? await openPfs() : asItIs(settings.pfs)
  const wire = settings.overWire === true && stage === 'memory' ? await connectOverWire(opened.pfs) : undefined
  const authConfig = settings.authConfig ?? opened.authConfig
  const handler = createS3Handler(wire?.client ?? opened.pfs, authConfig, settings.options)
  // Longer than any test leaves a connection idle.
  const server = createServer({ keepAliveTimeout: 600_000 }, handler)
  server.on('checkContinue', handler.checkContinue)
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    pfs: opened.asRoot,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await wire?.close()
      await opened.close()
    },
  }
}

function asItIs(pfs: PfsClient): TestPfs {
  return { pfs, asRoot: pfs, authConfig: { mode: 'none' }, close: async () => undefined }
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
