import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Message } from './messages.js'

/** Sends bytes over a new connection, which stays open. */
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
