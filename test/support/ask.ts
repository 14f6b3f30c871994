import { request } from 'node:http'

/** What a client has got. */
export interface Answer {
  /** 0 where the connection ended before an answer began. */
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** The body as text. */
  readonly text: string
  /** Whether the answer came to its end. */
  readonly isWhole: boolean
  /** S3's code in the body; '' where there is none. */
  readonly code: string
}

/** Sends one request without a signature, over a connection of its own. It never rejects: what is broken is not whole. */
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
