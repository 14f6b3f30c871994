import type { CallOptions, File, PfsClient } from './client.js'
import { readFile } from './path.js'

/** Bytes to pass on at a time. They are copied; a view would keep the whole message of PFS in memory, up to 20 MiB. */
const sliceBytes = 64 * 1024

/** Longest time that a reader may keep a slice before the call and the rest of its message are dropped, in ms. */
const defaultStallMilliseconds = 10_000

/**
 * The bytes of a file from `offset` on. Holds at most one slice for a reader that stalls, and calls PFS again when the
 * reader continues.
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

/** Undefined at the end. A separate function, so that the caller keeps no other message in memory. */
async function nextOf(messages: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { done, value } = await messages.next()
  return done === true ? undefined : value
}
