import type { CallOptions, File, PfsClient } from './client.js'
import { readFile } from './path.js'

/** Bytes that are handed on at a time. They are copied, or they would keep the whole message of PFS, up to 20 MiB. */
const sliceBytes = 64 * 1024

/** How long a reader may keep a slice before the rest of the message, and the call behind it, are given up. */
const defaultStallMilliseconds = 10_000

/**
 * The bytes of a file of one commit from `offset` on. While a reader stands still, no more than a slice is held for it: PFS
 * is asked again when the reader goes on.
 *
 * @throws PfsError as `readFile` does
 */
export async function* readForSlowReader(
  pfs: PfsClient,
  file: File,
  { offset, stallMilliseconds = defaultStallMilliseconds }: { offset: number; stallMilliseconds?: number },
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  let position = offset
  for (let isGivenUp = true; isGivenUp; ) {
    isGivenUp = false
    const messages = readFile(pfs, file, { offset: position }, options)[Symbol.asyncIterator]()
    let message = await nextOf(messages)
    try {
      while (message !== undefined) {
        while (message !== undefined && message.length > 0) {
          const slice: Uint8Array = new Uint8Array(message.subarray(0, sliceBytes))
          message = message.subarray(slice.length)
          position += slice.length
          const timer = setTimeout(() => {
            isGivenUp = true
            message = undefined
            void messages.return?.()
          }, stallMilliseconds)
          try {
            yield slice
          } finally {
            clearTimeout(timer)
          }
        }
        if (!isGivenUp) message = await nextOf(messages)
      }
    } finally {
      await messages.return?.()
    }
  }
}

/** Undefined at the end. A function of its own, so that the caller holds no message but the one that it reads. */
async function nextOf(messages: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { done, value } = await messages.next()
  return done === true ? undefined : value
}
