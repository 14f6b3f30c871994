import type { IncomingMessage } from 'node:http'
import { S3Error } from '../errors.js'

/** Fewer bytes than this in the time allowed are taken for a sender that holds a connection and sends nothing. */
const leastProgressBytes = 4096

/** How a body is read. */
export interface BodyOptions {
  /** How long a sender may take for the next 4 KiB, in milliseconds. */
  readonly timeoutMilliseconds: number
  /** Called when the body is first asked for. */
  readonly beforeBody?: (() => void) | undefined
}

/**
 * The body of a message; throws RequestTimeout where it does not get on. Time in which nobody asks for more does not
 * count. Leaving the body early does not destroy the message, whose socket the answer still needs.
 */
export async function* readBody(message: IncomingMessage, options: BodyOptions): AsyncGenerator<Uint8Array> {
  options.beforeBody?.()
  const chunks: AsyncIterator<Uint8Array> = message.iterator({ destroyOnReturn: false })
  let giveUp: ((reason: S3Error) => void) | undefined
  let progress = 0
  let isDue = false
  const timer = setTimeout(() => {
    isDue = true
    giveUp?.(new S3Error('RequestTimeout'))
  }, options.timeoutMilliseconds)
  try {
    for (;;) {
      const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject
        chunks.next().then(resolve, reject)
      })
      giveUp = undefined
      if (step.done) return
      progress += step.value.length
      yield step.value
      if (isDue || progress >= leastProgressBytes) {
        isDue = false
        progress = 0
        timer.refresh()
      }
    }
  } finally {
    clearTimeout(timer)
    // Not waited for: it comes only after a chunk that may never come, and its failure is the one already known.
    chunks.return?.().catch(() => undefined)
  }
}
