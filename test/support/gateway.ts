import { type AuthConfig, createPfsClient, createS3Handler, type S3HandlerOptions } from '../../lib/index.js'
import { type PachydermApi, servePfs, serveS3 } from '../../lib/testing/index.js'
import { type GuardedPfs, openGuardedPfs, openPfs, stage, type TestPfs } from './test-pfs.js'

export interface GatewaySettings {
  /** A PFS that several gateways share, and that the test closes; without it and `pfs` the gateway opens one. */
  readonly opened?: TestPfs
  /** The gateway's client, if it is not that of `opened`. */
  readonly pfs?: PachydermApi
  /** @default that of `opened`, or with `pfs` alone `{ mode: 'none' }` */
  readonly authConfig?: AuthConfig
  readonly options?: S3HandlerOptions
  /** Puts `servePfs` and `createPfsClient` between the handler and `pfs`; a real pachd is remote anyway. */
  readonly overWire?: boolean
}

export interface Gateway {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly endpoint: string
  readonly port: number
  /** The PFS behind the gateway, never the wire in front of it. With auth active, calls without a token are made as root. */
  readonly pfs: PachydermApi
  /** Writes the records that may follow an answer. */
  flush(): Promise<void>
  /** Closes all connections and frees the port. */
  close(): Promise<void>
}

/** A gateway in mode 'pachyderm' over a PFS with auth active. */
export type GuardedGateway = Gateway & Pick<GuardedPfs, 'rootToken' | 'writerToken'>

/** A gateway on a free port of this process; close it in `suite.after`. */
export async function startGateway(settings: GatewaySettings = {}): Promise<Gateway> {
  const opened = settings.opened ?? (settings.pfs === undefined ? await openPfs() : asItIs(settings.pfs))
  const pfs = settings.pfs ?? opened.pfs
  const wire = settings.overWire === true && stage === 'memory' ? await connectOverWire(pfs) : undefined
  const handler = createS3Handler(wire?.client ?? pfs, settings.authConfig ?? opened.authConfig, settings.options)
  const server = await serveS3(handler)
  return {
    endpoint: server.endpoint,
    port: server.port,
    pfs: opened.asRoot,
    flush: handler.flush,
    async close() {
      await server.close()
      await handler.flush()
      await wire?.close()
      if (settings.opened === undefined) await opened.close()
    },
  }
}

/** Starts a gateway with a new PFS. */
export async function startGuardedGateway(
  settings: Pick<GatewaySettings, 'options' | 'overWire'> = {},
): Promise<GuardedGateway> {
  const opened = await openGuardedPfs()
  const gateway = await startGateway({ ...settings, opened, authConfig: { mode: 'pachyderm' } })
  const { rootToken, writerToken } = opened
  const close = async (): Promise<void> => {
    await gateway.close()
    await opened.close()
  }
  return { ...gateway, rootToken, writerToken, close }
}

function asItIs(pfs: PachydermApi): TestPfs {
  return { pfs, asRoot: pfs, authConfig: { mode: 'none' }, close: async () => undefined }
}

async function connectOverWire(pfs: PachydermApi) {
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
