import { createHash, createHmac } from 'node:crypto'
import type { RawRequest } from './wire.js'

/** An access key and what signs with it. */
export interface Key {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type Headers = Readonly<Record<string, string>>

export interface Signing {
  readonly key: Key
  /** `x-amz-content-sha256`; that of the body where absent. */
  readonly payloadHash?: string
  /** Now where absent. */
  readonly at?: Date
  /** Every header where absent. */
  readonly signedHeaders?: readonly string[]
  readonly scope?: (date: string) => string
}

export type Unsigned = Omit<RawRequest, 'headers'> & { readonly headers?: Headers }
export type Signed = Unsigned & { readonly headers: Headers }

export const host = 'gateway.example'

/**
 * Signature V4 in the Authorization header, written from Amazon's documentation, without the library's code: the tests
 * sign requests that the signers of clients would refuse or correct.
 */
export function signV4(request: Unsigned, signing: Signing): Signed {
  const time = timeOf(signing.at)
  const headers: Headers = {
    host,
    'x-amz-date': time,
    'x-amz-content-sha256': signing.payloadHash ?? sha256(request.body ?? ''),
    ...request.headers,
  }
  const scope = scopeOf(time, signing)
  const signedHeaders = signing.signedHeaders ?? Object.keys(headers).map((name) => name.toLowerCase())
  const hash = headers['x-amz-content-sha256'] ?? ''
  const canonical = canonicalRequest({ ...request, headers }, [...signedHeaders].sort(), hash)
  const { signature } = signText(signing.key, time, scope, canonical)
  const authorization = [
    `AWS4-HMAC-SHA256 Credential=${signing.key.accessKeyId}/${scope}`,
    `SignedHeaders=${[...signedHeaders].sort().join(';')}`,
    `Signature=${signature}`,
  ].join(', ')
  return { ...request, headers: { ...headers, ...lengthOf(request), authorization } }
}

/** A presigned URL of Signature V4; headers are signed and sent as headers. */
export function presignV4(request: Unsigned, signing: Signing & { readonly expires?: string }): Signed {
  const time = timeOf(signing.at)
  const headers: Headers = { host, ...request.headers }
  const signedHeaders = [...(signing.signedHeaders ?? Object.keys(headers))].sort()
  const scope = scopeOf(time, signing)
  const parameters = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${signing.key.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': signing.expires ?? '60',
    'X-Amz-SignedHeaders': signedHeaders.join(';'),
  }
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encode(value)}`)
  const target = `${request.target}${request.target.includes('?') ? '&' : '?'}${query.join('&')}`
  const canonical = canonicalRequest({ ...request, target, headers }, signedHeaders, 'UNSIGNED-PAYLOAD')
  const { signature } = signText(signing.key, time, scope, canonical)
  return {
    ...request,
    target: `${target}&X-Amz-Signature=${signature}`,
    headers: { ...headers, ...lengthOf(request) },
  }
}

/** Signature V2 in the Authorization header; `resource` is the path with the subresources that V2 signs. */
export function signV2(request: Unsigned, key: Key, resource: string): Signed {
  const date = new Date().toUTCString()
  const headers: Headers = { host, date, ...request.headers }
  const amz = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-amz-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join('')
  const text = [
    request.method ?? 'GET',
    headers['content-md5'] ?? '',
    headers['content-type'] ?? '',
    date,
    amz + resource,
  ].join('\n')
  const authorization = `AWS ${key.accessKeyId}:${createHmac('sha1', key.secretAccessKey).update(text).digest('base64')}`
  return { ...request, headers: { ...headers, ...lengthOf(request), authorization } }
}

/** The query of a V2 URL for a path, good until `expires` (seconds since 1970). */
export function presignV2(method: string, path: string, key: Key, expires: string): string {
  const text = [method, '', '', expires, path].join('\n')
  const signature = createHmac('sha1', key.secretAccessKey).update(text).digest('base64')
  return `${path}?AWSAccessKeyId=${encode(key.accessKeyId)}&Expires=${expires}&Signature=${encode(signature)}`
}

/** Text in signed chunks for a request that was signed as STREAMING-AWS4-HMAC-SHA256-PAYLOAD. */
export function signedChunks(request: Signed, key: Key, chunks: readonly string[]): string {
  const bytes = chunks.map((chunk) => Buffer.from(chunk))
  return signedChunkBytes(request, key, bytes).toString()
}

/** Content in signed chunks, with a signed trailer (`name:value`) if given. */
export function signedChunkBytes(request: Signed, key: Key, chunks: readonly Uint8Array[], trailer?: string): Buffer {
  const time = request.headers['x-amz-date'] ?? ''
  const scope = scopeOf(time, { key })
  const signing = signingKey(key, scope)
  let previous = /Signature=([0-9a-f]{64})/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const sign = (algorithm: string, ...hashes: string[]) => {
    previous = hmacHex(signing, [algorithm, time, scope, previous, ...hashes].join('\n'))
    return previous
  }
  const parts: Uint8Array[] = []
  for (const chunk of [...chunks, new Uint8Array()]) {
    const signature = sign('AWS4-HMAC-SHA256-PAYLOAD', sha256(''), sha256(chunk))
    parts.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${signature}\r\n`), chunk)
    if (chunk.length > 0) parts.push(Buffer.from('\r\n'))
  }
  if (trailer !== undefined) {
    const signature = sign('AWS4-HMAC-SHA256-TRAILER', sha256(`${trailer}\n`))
    parts.push(Buffer.from(`${trailer}\r\nx-amz-trailer-signature:${signature}\r\n`))
  }
  parts.push(Buffer.from('\r\n'))
  return Buffer.concat(parts)
}

/** A form of POST Object whose policy allows what `conditions` say until `expiration`. */
export function signedForm(
  key: Key,
  policy: { readonly expiration?: string; readonly conditions: readonly unknown[] },
  fields: Headers,
  file: string,
): { readonly body: string; readonly contentType: string } {
  const time = timeOf(undefined)
  const scope = scopeOf(time, { key })
  const base64 = Buffer.from(JSON.stringify(policy)).toString('base64')
  const all = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${key.accessKeyId}/${scope}`,
    'x-amz-date': time,
    ...fields,
    policy: base64,
    'x-amz-signature': hmacHex(signingKey(key, scope), base64),
  }
  const parts = Object.entries(all).map(
    ([name, value]) => `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const filePart = `--X\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n${file}\r\n--X--\r\n`
  return { body: parts.join('') + filePart, contentType: 'multipart/form-data; boundary=X' }
}

/** In hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** `YYYYMMDDTHHMMSSZ`. */
export function timeOf(date: Date = new Date()): string {
  return date.toISOString().replace(/[-:]|\.\d{3}/g, '')
}

function scopeOf(time: string, { scope }: Pick<Signing, 'scope' | 'key'>): string {
  const date = time.slice(0, 8)
  return scope === undefined ? `${date}/us-east-1/s3/aws4_request` : scope(date)
}

function lengthOf({ method, body, headers = {} }: Unsigned): Headers {
  const said = Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name))
  if (said || (body === undefined && method !== 'PUT' && method !== 'POST')) return {}
  return { 'content-length': String(Buffer.byteLength(body ?? '')) }
}

function canonicalRequest(request: Signed, signedHeaders: readonly string[], payloadHash: string): string {
  const [path = '', query = ''] = request.target.split(/\?(.*)/s)
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split(/=(.*)/s))
    .map(([name = '', value = '']) => `${encode(decodeURIComponent(name))}\0${encode(decodeURIComponent(value))}`)
  const byName = new Map(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]))
  return [
    request.method ?? 'GET',
    path
      .split('/')
      .map((segment) => encode(decodeURIComponent(segment)))
      .join('/'),
    pairs.sort().join('&').replaceAll('\0', '='),
    ...signedHeaders.map((name) => `${name}:${byName.get(name) ?? ''}`),
    '',
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n')
}

function signText(key: Key, time: string, scope: string, canonical: string): { signature: string } {
  const canonicalHash = createHash('sha256').update(canonical, 'latin1').digest('hex')
  return { signature: hmacHex(signingKey(key, scope), ['AWS4-HMAC-SHA256', time, scope, canonicalHash].join('\n')) }
}

function signingKey({ secretAccessKey }: Key, scope: string): Buffer {
  return scope
    .split('/')
    .reduce((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`AWS4${secretAccessKey}`))
}

function hmacHex(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex')
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
