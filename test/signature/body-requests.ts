import { authenticate } from '../../lib/signature/authenticate.js'
import { signedChunkBytes } from '../support/sign.js'
import { credentialsOf, exampleCredentials, exampleKey, readAll, received, type Sent } from './request.js'
import { signedAt, signHeader } from './signer.js'

/** The body of most of these requests. */
export const text = Buffer.from('hello, world')

/** Authenticates a request signed by `signer.ts`; under `open` anonymous callers pass. */
export function check(sent: Sent, open = false) {
  const credentials = open ? credentialsOf({}, true) : exampleCredentials
  return authenticate(received(sent), { credentials, now: () => signedAt })
}

/** The content of a request that passes. */
export async function read(sent: Sent, open = false): Promise<string> {
  return (await readAll((await check(sent, open)).body)).toString()
}

/** A signed PUT. */
export function put(headers: Record<string, string>, body: Uint8Array = text) {
  return signHeader({ method: 'PUT', target: '/bucket/key', headers, body })
}

/** Headers of a streamed body of `length` bytes. */
export function streaming(kind: string, length: number, trailer?: string): Record<string, string> {
  return {
    'x-amz-content-sha256': `STREAMING-${kind}`,
    'x-amz-decoded-content-length': String(length),
    'content-encoding': 'aws-chunked',
    ...(trailer === undefined ? {} : { 'x-amz-trailer': trailer }),
  }
}

/** A request with signed chunks. */
export async function signedStream(chunks: readonly Uint8Array[], trailer?: string): Promise<Sent & { body: Buffer }> {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const kind = trailer === undefined ? 'AWS4-HMAC-SHA256-PAYLOAD' : 'AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
  const signed = await put(streaming(kind, length, trailer?.split(':')[0]))
  return { ...signed, body: signedChunkBytes(signed, exampleKey, chunks, trailer) }
}

/** A request with unsigned chunks. */
export async function unsignedStream(body: Uint8Array, length: number, trailer?: string): Promise<Sent> {
  return { ...(await put(streaming('UNSIGNED-PAYLOAD-TRAILER', length, trailer))), body }
}

export const threeChunks = ['first chunk ', 'second one', '!'].map((chunk) => Buffer.from(chunk))
export const whole = Buffer.concat(threeChunks).toString()
