import { isIP } from 'node:net'

/** Where a PFS server is, and whether it is spoken to over TLS. */
export interface PfsAddress {
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
