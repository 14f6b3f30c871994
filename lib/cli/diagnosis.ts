import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const probeMilliseconds = 2000

/** The first bytes of an HTTP/2 client: the preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const http2Opening = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
])

const certificateReasons: ReadonlyMap<string, string> = new Map([
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet: check the clock of this machine'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host name: use a name that the certificate has'],
])
const foreignAuthority =
  'its certificate comes from an authority that this machine does not trust: set NODE_EXTRA_CA_CERTS to a PEM file with that authority'

/**
 * Connects with and without TLS to find out why a server that accepts connections does not respond like pachd. Undefined
 * if that is unclear.
 */
export async function diagnosePachd(address: string, caCertificates?: Buffer): Promise<string | undefined> {
  const [, scheme = 'grpc', ipv6, name, port] = /^(?:(grpcs?):\/\/)?(?:\[([^\]]+)\]|([^:/]+)):(\d+)/.exec(address) ?? []
  const host = ipv6 ?? name
  if (host === undefined) return undefined
  const target = { host, port: Number(port) }
  const tls = await probeTls(target, caCertificates)
  const other = address.replace(/^.*:\/\//, '')
  if (scheme === 'grpc' && tls !== undefined) return `it speaks TLS: use grpcs://${other}`
  if (scheme === 'grpcs' && tls !== undefined) {
    if (tls.certificateError !== undefined) return certificateReasons.get(tls.certificateError) ?? foreignAuthority
    return tls.isHttp2 ? undefined : 'it speaks TLS but not HTTP/2, so it is not a gRPC server'
  }
  const plain = await probePlain(target)
  if (plain === 'HTTP/1') return "it is an HTTP/1 server, not a pachd: use pachd's gRPC port, 30650 in most clusters"
  return plain === 'HTTP/2' && scheme === 'grpcs' ? `it does not speak TLS: use grpc://${other}` : undefined
}

interface Target {
  readonly host: string
  readonly port: number
}

/** Undefined if the server does not speak TLS. */
async function probeTls(
  { host, port }: Target,
  ca: Buffer | undefined,
): Promise<{ readonly isHttp2: boolean; readonly certificateError?: string } | undefined> {
  const socket = connectTls({
    host,
    port,
    ...(ca !== undefined && { ca }),
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ['h2'],
    // The handshake must complete, so that problems with the certificate can be reported; no data is sent.
    rejectUnauthorized: false,
  })
  const error = await settled(socket, 'secureConnect')
  const { authorizationError, alpnProtocol } = socket
  socket.destroy()
  if (error?.message.includes('no application protocol')) return { isHttp2: false }
  if (error !== undefined) return undefined
  const certificateError = authorizationError ? String(authorizationError) : undefined
  return { isHttp2: alpnProtocol === 'h2', ...(certificateError !== undefined && { certificateError }) }
}

async function probePlain(target: Target): Promise<'HTTP/1' | 'HTTP/2' | undefined> {
  const socket = connect(target)
  socket.write(http2Opening)
  const error = await settled(socket, 'readable')
  const bytes: Buffer = socket.read() ?? Buffer.alloc(0)
  socket.destroy()
  if (error !== undefined) return undefined
  if (bytes.subarray(0, 5).toString() === 'HTTP/') return 'HTTP/1'
  // The fourth byte of a frame is its type; 4 is SETTINGS, the first frame of a server.
  return bytes[3] === 4 ? 'HTTP/2' : undefined
}

/** Waits for an event of a socket; resolves to an error if one occurs or time runs out first. */
function settled(socket: Socket, event: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    socket.once(event, () => resolve(undefined)).once('error', resolve)
    socket.once('close', () => resolve(new Error('the connection was closed')))
    socket.setTimeout(probeMilliseconds, () => resolve(new Error('no answer')))
  })
}
