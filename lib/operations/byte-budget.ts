/** A bound on bytes held in memory at once; who asks for more than is left waits in line. */
export interface ByteBudget {
  /** Settles with the function that gives the bytes back; rejects with the signal's reason. */
  take(bytes: number, signal?: AbortSignal): Promise<() => void>
}

interface Waiting {
  readonly bytes: number
  readonly grant: () => void
}

/** A budget of `total` bytes; no single request may ask for more. */
export function createByteBudget(total: number): ByteBudget {
  let left = total
  let line: Waiting[] = []

  function serve(): void {
    for (let [first] = line; first !== undefined && first.bytes <= left; [first] = line) {
      line.shift()
      left -= first.bytes
      first.grant()
    }
  }

  return {
    take: (bytes, signal) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => {
          line = line.filter((each) => each !== waiting)
          reject(signal?.reason)
          serve()
        }
        const giveBack = (): void => {
          left += bytes
          serve()
        }
        const waiting: Waiting = {
          bytes,
          grant: () => {
            signal?.removeEventListener('abort', onAbort)
            resolve(giveBack)
          },
        }
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        line.push(waiting)
        serve()
      }),
  }
}
