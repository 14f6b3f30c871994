import type { IncomingMessage, ServerResponse } from 'node:http'
import { startFlow } from './message-flow.js'

/** How much of a body that nobody wants is still taken, so that a client that sends on can read its answer. */
const maxDiscardedBytes = 16 * 1024 * 1024
const maxDiscardMilliseconds = 5_000

/** Whether a message comes with a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Whether the client has, or may have, more to send of this message. */
export function hasMoreToSend(req: IncomingMessage): boolean {
  return !req.complete && hasBody(req)
}

/**
 * Ends an answer that was given before the body had been read. A socket that is closed while the client sends is reset,
 * and the client never sees the answer; so the rest is read and thrown away, up to a bound.
 */
export async function endEarly(req: IncomingMessage, res: ServerResponse, content: string | undefined): Promise<void> {
  res.flushHeaders()
  if (content !== undefined) res.write(content)
  await discard(req)
  res.end()
}

function discard(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const done = (): void => {
      clearTimeout(timer)
      flow.stop()
      req.off('end', done).off('close', done).off('error', done).pause()
      resolve()
    }
    const timer = setTimeout(done, maxDiscardMilliseconds)
    req.once('end', done).once('close', done).once('error', done)
    const flow = startFlow(req, (chunk) => {
      bytes += chunk.length
      if (bytes > maxDiscardedBytes) done()
    })
    if (req.destroyed || req.readableEnded) done()
  })
}
