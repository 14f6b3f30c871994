import type { IncomingMessage } from 'node:http'
import { createByteBudget } from '../../lib/http/byte-budget.js'
import { type HttpRequest, readRequest } from '../../lib/http/request.js'
import type { CredentialSource } from '../../lib/signature/claim.js'

/** The key of AWS's published examples. */
export const exampleKey = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}

export type HeaderList = readonly (readonly [name: string, value: string])[] | Readonly<Record<string, string>>

export interface Sent {
  readonly method?: string
  readonly target: string
  readonly headers?: HeaderList
  readonly body?: AsyncIterable<Uint8Array> | Uint8Array | string
}

/** A request as Node's server would have read it off the wire. */
export function received(sent: Sent): HttpRequest {
  const headers = sent.headers ?? []
  const rawHeaders = (Symbol.iterator in headers ? [...headers] : Object.entries(headers)).flat()
  const message = { method: sent.method ?? 'GET', url: sent.target, rawHeaders } as unknown as IncomingMessage
  return readRequest(message, bodyOf(sent.body ?? ''), createByteBudget(Number.POSITIVE_INFINITY).open())
}

/** A body in pieces of `size` bytes; in one where absent. */
export async function* pieces(body: Uint8Array, size = body.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Credentials by access key; other callers pass only if `open`. */
export function credentialsOf(keys: Readonly<Record<string, string>>, open = false): CredentialSource {
  const secrets = new Map(Object.entries(keys))
  return {
    async credentialFor(accessKeyId) {
      const secretAccessKey = secrets.get(accessKeyId)
      return secretAccessKey === undefined ? undefined : { secretAccessKey, authToken: `token of ${accessKeyId}` }
    },
    async anonymousAllowed() {
      return open
    },
  }
}

export const exampleCredentials = credentialsOf({ [exampleKey.accessKeyId]: exampleKey.secretAccessKey })

function bodyOf(body: AsyncIterable<Uint8Array> | Uint8Array | string): AsyncIterable<Uint8Array> {
  if (typeof body === 'string') return pieces(Buffer.from(body))
  return body instanceof Uint8Array ? pieces(body) : body
}
