import { S3Error } from '../errors.js'

/** A bound on the bytes of request bodies that are in memory at once, over all requests. */
export interface ByteBudget {
  /** Opens the account of one request. */
  open(): ByteAccount
}

/** Counts the bytes that one request holds in memory. */
export interface ByteAccount {
  /** Counts bytes that are about to be kept. @throws S3Error SlowDown if the budget has too few left. */
  hold(bytes: number): void
  /** Gives back bytes that are no longer kept. */
  release(bytes: number): void
  /** Gives back all that the request holds; what it holds later is not counted. */
  close(): void
}

/** Bytes for which a request may use the whole budget: as much of a body as is read ahead. */
const smallHolding = 128 * 1024

/** Part of the budget that requests which hold more than that may use. Slow senders of large bodies leave the rest. */
const largeShare = 3 / 4

/**
 * A budget of `total` bytes. Nobody waits for bytes: they are held for as long as a client takes to send, and slow
 * clients would hold up all others.
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
