import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'

/** The response that a client has received. */
export interface Answer {
  /** 0 if the connection ended before a response began. */
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** The body as text. */
  readonly text: string
  /** Whether the response is complete. */
  readonly isWhole: boolean
  /** S3's code in the body; '' if it has none. */
  readonly code: string
}

/** Sends an unsigned request over a new connection. It never rejects: a broken response is marked as incomplete. */
export function ask(
  port: number,
  method: string,
  target: string,
  body?: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const settle = (status: number, answered: Answer['headers'], isWhole: boolean): void => {
      const whole = Buffer.concat(chunks)
      const code = status >= 400 ? (/<Code>(\w+)<\/Code>/.exec(whole.toString('latin1'))?.[1] ?? '') : ''
      resolve({ status, headers: answered, body: whole, text: whole.toString(), isWhole, code })
    }
    const req = request({ host: '127.0.0.1', port, method, path: target, headers, agent: false }, (res) => {
      const end = (): void => settle(res.statusCode ?? 0, res.headers, res.complete)
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', () => {})
      res.once('close', end)
    })
    req.on('error', () => settle(0, {}, false))
    req.end(body)
  })
}

/** A PUT whose head the server has accepted, and of which the body is still to come. */
export async function startUpload(url: string, bytes: number): Promise<ClientRequest> {
  const upload = request(url, { method: 'PUT', headers: { expect: '100-continue', 'content-length': bytes } })
  upload.flushHeaders()
  await once(upload, 'continue')
  return upload
}
