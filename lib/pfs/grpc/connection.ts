import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { Channel, type ChannelOptions, connectivityState, credentials } from '@grpc/grpc-js'

/** HTTP/2 flow-control window: bytes that a server may send ahead of a stalled reader, per call. */
const flowControlWindow = 1024 * 1024

/** pachd allows a ping every 5 seconds, even without calls; so a dead connection is noticed before the next call. */
export const keepAlive = { milliseconds: 30_000, timeoutMilliseconds: 20_000 }

const channelOptions: ChannelOptions = {
  // GetFile sends whole chunks as messages, up to 20 MiB.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc-node.flow_control_window': flowControlWindow,
  'grpc.keepalive_time_ms': keepAlive.milliseconds,
  'grpc.keepalive_timeout_ms': keepAlive.timeoutMilliseconds,
  'grpc.keepalive_permit_without_calls': 1,
  // Reconnects within a second when pachd returns; grpc-js would wait up to two minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // Otherwise clients of the same address would share a connection and its state.
  'grpc.use_local_subchannel_pool': 1,
}

/** Creates a channel, which connects at the first call. `caCertificates` is PEM; the default is Node's own list. */
export function createChannel(address: PfsAddress, caCertificates: Buffer | undefined): Channel {
  if (caCertificates !== undefined && !address.secure) throw new TypeError('caCertificates need a grpcs:// address')
  if (caCertificates !== undefined) requireCertificate(caCertificates)
  const channelCredentials = address.secure ? credentials.createSsl(caCertificates) : credentials.createInsecure()
  return new Channel(authority(address), channelCredentials, {
    ...channelOptions,
    // grpc-js uses the proxy of the environment for every host, but a proxy cannot reach pachd on this machine.
    ...(isLoopback(address.host) && { 'grpc.enable_http_proxy': 0 }),
  })
}

/** Checks the PEM: without a certificate in it, every server would be refused, and only at the first call. */
function requireCertificate(pem: Buffer): void {
  try {
    new X509Certificate(pem)
  } catch (cause) {
    throw new TypeError('caCertificates must contain at least one PEM certificate', { cause })
  }
}

/** Whether grpc-js would use a proxy of the environment. It ignores those for this machine here. */
export function mayUseProxy({ host }: PfsAddress): boolean {
  const { grpc_proxy, https_proxy, http_proxy } = process.env
  return !isLoopback(host) && Boolean(grpc_proxy || https_proxy || http_proxy)
}

/** Resolves when the channel is connected, at the deadline, or on abort; the next call then reports the error. */
export async function connected(channel: Channel, deadline: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    const state = channel.getConnectivityState(false)
    const settled = state === connectivityState.READY || state === connectivityState.SHUTDOWN
    if (settled || signal?.aborted || Date.now() >= deadline) return
    // This argument makes the channel connect; a closed channel must not be opened again.
    channel.getConnectivityState(true)
    await new Promise<void>((resolve) => {
      const settle = () => {
        signal?.removeEventListener('abort', settle)
        resolve()
      }
      signal?.addEventListener('abort', settle)
      channel.watchConnectivityState(state, deadline, settle)
    })
  }
}

/** The address of a PFS server, and whether to use TLS. */
export interface PfsAddress {
  readonly secure: boolean
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** Parses `grpc://host:port`, `grpcs://host:port` or `host:port`. @throws TypeError that names the mistake */
export function parsePfsAddress(text: string): PfsAddress {
  const [, scheme = 'grpc', rest = ''] = /^(?:([^:/]*):\/\/)?(.*)$/s.exec(text) ?? []
  const refuse = (reason: string) => new TypeError(`${JSON.stringify(text)} is not a PFS address: ${reason}`)
  if (scheme !== 'grpc' && scheme !== 'grpcs') throw refuse('the scheme must be grpc or grpcs')
  if (/[/?#@\s]/.test(rest)) throw refuse('only host:port may follow the scheme')
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(rest) ?? []
  const host = bracketed ?? plain
  if (host === undefined) throw refuse('an IPv6 address needs brackets')
  if (host === '') throw refuse('the host is missing')
  if (bracketed !== undefined && isIP(bracketed) !== 6) throw refuse('the brackets must contain an IPv6 address')
  if (port === undefined || port === '') throw refuse('the port is missing')
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw refuse('the port must be a number up to 65535')
  return { secure: scheme === 'grpcs', host, port: Number(port) }
}

/** `host:port`, with brackets around IPv6. */
export function authority({ host, port }: Pick<PfsAddress, 'host' | 'port'>): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether the host is this machine, which a proxy cannot reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
