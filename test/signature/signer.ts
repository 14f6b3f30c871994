import { createHash, createHmac, type Hash } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { HttpRequest, SourceData } from '@smithy/types'
import { exampleKey } from './request.js'

/** When and where the requests of these tests are signed. */
export const signedAt = new Date('2026-02-03T04:05:06Z')
export const scope = '20260203/us-east-1/s3/aws4_request'
export const timestamp = '20260203T040506Z'

/** Node's hash in the shape that smithy asks for. */
export class NodeSha256 {
  readonly #hash: Hash | ReturnType<typeof createHmac>

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }

  update(data: SourceData): void {
    this.#hash.update(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}

function bytesOf(data: SourceData): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data)
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

const smithy = new SignatureV4({
  service: 's3',
  region: 'us-east-1',
  credentials: exampleKey,
  sha256: NodeSha256,
  uriEscapePath: false,
})

export interface ToSign {
  readonly method?: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export type Signed = ToSign & { readonly headers: Readonly<Record<string, string>> }

/** Signs a request in the Authorization header, with the signer of the AWS SDK and the key of AWS's examples. */
export async function signHeader(sent: ToSign, at = signedAt): Promise<Signed> {
  const { headers } = await smithy.sign(smithyRequest(sent), { signingDate: at })
  return { ...sent, headers }
}

/** Signs a presigned URL, likewise; headers stay headers and are signed. */
export async function presign(sent: ToSign, expiresIn = 60, at = signedAt): Promise<Signed> {
  const names = new Set(Object.keys(sent.headers ?? {}).map((name) => name.toLowerCase()))
  const request = smithyRequest(sent)
  request.headers['x-amz-content-sha256'] ??= 'UNSIGNED-PAYLOAD'
  const {
    path,
    query = {},
    headers,
  } = await smithy.presign(request, {
    signingDate: at,
    expiresIn,
    unhoistableHeaders: names,
  })
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values ?? ''].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  )
  return { ...sent, target: `${path}?${pairs.join('&')}`, headers }
}

function smithyRequest(sent: ToSign): HttpRequest {
  const [path = '', rawQuery = ''] = sent.target.split('?')
  const query = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(rawQuery)) query.set(name, [...(query.get(name) ?? []), value])
  return {
    protocol: 'http:',
    hostname: 'gateway.example',
    method: sent.method ?? 'GET',
    path,
    query: Object.fromEntries(query),
    headers: { host: 'gateway.example', ...sent.headers },
    body: sent.body ?? '',
  }
}

/** Frames content as aws-chunked without signatures. */
export function unsignedChunks(chunks: readonly Uint8Array[], trailer?: string): Buffer {
  const framed = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...framed, Buffer.from(`0\r\n${trailer === undefined ? '' : `${trailer}\r\n`}\r\n`)])
}
