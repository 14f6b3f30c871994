import { S3Error } from '../errors.js'

/** Limits the total size of request bodies in memory, over all requests. */
export interface ByteBudget {
  /** Opens the account of one request. */
  open(): ByteAccount
}

/** Counts the bytes of one request in memory. */
export interface ByteAccount {
  /** Reserves bytes before they are kept. @throws S3Error SlowDown if the budget is exhausted. */
  hold(bytes: number): void
  /** Releases bytes that are no longer kept. */
  release(bytes: number): void
  /** Releases all bytes of the request; later calls have no effect. */
  close(): void
}

/** Requests that hold at most this many bytes may use the whole budget: the size of the read-ahead buffer. */
const smallHolding = 128 * 1024

/** Share of the budget for requests that hold more. The rest stays free when many clients send large bodies slowly. */
const largeShare = 3 / 4

/**
 * Creates a budget of `total` bytes. Requests fail instead of waiting for bytes: slow clients hold theirs for long, and
 * would block everyone else.
 */
export function createByteBudget(total: number): ByteBudget {
  let used = 0

  return {
    open() {
      let held = 0
      let isClosed = false
      const release = (bytes: number): void => {
        if (isClosed) return
        held -= bytes
        used -= bytes
      }
      return {
        hold(bytes) {
          if (isClosed) return
          const limit = held + bytes > smallHolding ? total * largeShare : total
          if (used + bytes > limit) throw new S3Error('SlowDown')
          held += bytes
          used += bytes
        },
        release,
        close() {
          release(held)
          isClosed = true
        },
      }
    },
  }
}
