import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Message } from './messages.js'

/** What a client has got. */
export interface Answer {
  /** 0 where the connection ended before an answer began. */
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** Whether the answer came to its end. */
  readonly isWhole: boolean
  /** S3's code in the body; '' where there is none. */
  readonly code: string
}

/** One request over a connection of its own. It never rejects: what is broken is not whole. */
export function ask(
  port: number,
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const settle = (status: number, answered: Answer['headers'], isWhole: boolean): void => {
      const whole = Buffer.concat(chunks)
      const code = status >= 400 ? (/<Code>(\w+)<\/Code>/.exec(whole.toString('latin1'))?.[1] ?? '') : ''
      resolve({ status, headers: answered, body: whole, isWhole, code })
    }
    const req = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (res) => {
      const end = (): void => settle(res.statusCode ?? 0, res.headers, res.complete)
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', () => {})
      res.once('close', end)
    })
    req.on('error', () => settle(0, {}, false))
    req.end(body)
  })
}

/** Bytes sent over a connection of their own, which stays open. */
export async function sendPart(port: number, { head, body }: Message, bytes: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (!socket.write(Buffer.concat([head, body]).subarray(0, bytes)))
    await Promise.race([once(socket, 'drain'), closeOf(socket)])
  return socket
}

/** How a client goes: it closes its connection, or breaks it. */
export type Leaving = 'closes' | 'resets'
export const leavings: readonly Leaving[] = ['closes', 'resets']

/** Ends a connection. */
export async function leave(socket: Socket, how: Leaving): Promise<void> {
  const closed = closeOf(socket)
  if (how === 'closes') socket.destroy()
  else socket.resetAndDestroy()
  await closed
}

/** Everything that a connection brings until it ends. */
export async function received(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
  })
  await closeOf(socket)
  return text
}

/** Settles when a connection is over. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed && socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
