import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { Channel, type ChannelOptions, connectivityState, credentials } from '@grpc/grpc-js'

/** Bytes that a server may send ahead of a stalled reader, for each call. */
const flowControlWindow = 1024 * 1024

const channelOptions: ChannelOptions = {
  // GetFile's messages are whole chunks of up to 20 MiB.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc-node.flow_control_window': flowControlWindow,
  // pachd takes a ping every 5 seconds, with or without calls; a dead connection is noticed before the next call.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.keepalive_permit_without_calls': 1,
  // A pachd that comes back is found within a second; grpc-js would wait up to two minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // Clients of one address would otherwise share a connection, and its state.
  'grpc.use_local_subchannel_pool': 1,
}

/** A channel to the address; it connects at the first call. `caCertificates` is PEM, absent is Node's own list. */
export function createChannel(address: PfsAddress, caCertificates: Uint8Array | string | undefined): Channel {
  if (caCertificates !== undefined && !address.secure) throw new TypeError('caCertificates need a grpcs:// address')
  const roots = caCertificates === undefined ? null : parseCertificates(caCertificates)
  const channelCredentials = address.secure ? credentials.createSsl(roots) : credentials.createInsecure()
  return new Channel(authority(address), channelCredentials, {
    ...channelOptions,
    // A proxy of the environment, which grpc-js asks without a look at the host, does not reach this machine's pachd.
    ...(isLoopback(address.host) && { 'grpc.enable_http_proxy': 0 }),
  })
}

/** PEM as bytes. Without this check a text with no certificate would trust nobody, and say so at the first call. */
function parseCertificates(pem: Uint8Array | string): Buffer {
  const bytes = Buffer.from(pem)
  try {
    new X509Certificate(bytes)
  } catch (cause) {
    throw new TypeError('caCertificates hold no certificate in PEM', { cause })
  }
  return bytes
}

/** Resolves when the channel is connected, or else at the deadline or the abort: the call that follows tells why. */
export async function connected(channel: Channel, deadline: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    const state = channel.getConnectivityState(false)
    const settled = state === connectivityState.READY || state === connectivityState.SHUTDOWN
    if (settled || signal?.aborted || Date.now() >= deadline) return
    // Asked this way, the channel connects; a closed one would open again.
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

/** Where a PFS server is, and whether it is spoken to over TLS. */
interface PfsAddress {
  readonly secure: boolean
  /** A name or an IP address, IPv6 without its brackets. */
  readonly host: string
  readonly port: number
}

/** Reads `grpc://host:port`, `grpcs://host:port` or `host:port`; throws a TypeError that says what is wrong. */
export function parsePfsAddress(text: string): PfsAddress {
  const [, scheme = 'grpc', rest = ''] = /^(?:([^:/]*):\/\/)?(.*)$/s.exec(text) ?? []
  const refuse = (reason: string) => new TypeError(`${JSON.stringify(text)} is no PFS address: ${reason}`)
  if (scheme !== 'grpc' && scheme !== 'grpcs') throw refuse('the scheme must be grpc or grpcs')
  if (/[/?#@\s]/.test(rest)) throw refuse('only host:port may follow the scheme')
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(rest) ?? []
  const host = bracketed ?? plain
  if (host === undefined) throw refuse('an IPv6 address needs brackets')
  if (host === '') throw refuse('the host is missing')
  if (bracketed !== undefined && isIP(bracketed) !== 6) throw refuse('what is in brackets is no IPv6 address')
  if (port === undefined || port === '') throw refuse('the port is missing')
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw refuse('the port must be a number up to 65535')
  return { secure: scheme === 'grpcs', host, port: Number(port) }
}

/** `host:port`, with brackets around IPv6. */
export function authority({ host, port }: Pick<PfsAddress, 'host' | 'port'>): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether the host is this machine, which no proxy can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
