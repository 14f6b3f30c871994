/** A bound on bytes held in memory at once. */
export interface ByteBudget {
  /**
   * The function that gives the bytes back; undefined where so many are not left. Nobody waits for them, since they are
   * held for as long as a client takes to send, and slow clients would hold up all others.
   */
  take(bytes: number): (() => void) | undefined
}

/** A budget of `total` bytes. */
export function createByteBudget(total: number): ByteBudget {
  let left = total
  return {
    take: (bytes) => {
      if (bytes > left) return undefined
      left -= bytes
      return () => {
        left += bytes
      }
    },
  }
}
