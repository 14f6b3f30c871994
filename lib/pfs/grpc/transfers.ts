import type { Channel } from '@grpc/grpc-js'
import { PfsError } from '../errors.js'

/** Most calls at once on one connection: a proxy may allow it a hundred, and a call beyond them waits and does not say so. */
const maxCalls = 64

/** Connections for the calls that last as long as clients take: they are not to take the place of any other call. */
export interface Transfers {
  /** A connection with room for one more call; `leave` says that the call has ended. */
  enter(): { readonly channel: Channel; readonly leave: () => void }
  close(): void
}

/** Opens a connection where all others have as many calls as they may, and closes it when it has none. */
export function createTransfers(open: () => Channel): Transfers {
  const connections = new Set<{ readonly channel: Channel; calls: number }>()

  let isClosed = false

  return {
    enter() {
      if (isClosed) throw new PfsError('CANCELLED', 'the PFS client is closed')
      let connection = [...connections].find(({ calls }) => calls < maxCalls)
      if (connection === undefined) {
        connection = { channel: open(), calls: 0 }
        connections.add(connection)
      }
      const entered = connection
      entered.calls += 1
      return {
        channel: entered.channel,
        leave() {
          entered.calls -= 1
          if (entered.calls > 0 || connections.size === 1 || isClosed) return
          connections.delete(entered)
          entered.channel.close()
        },
      }
    },
    close() {
      isClosed = true
      for (const { channel } of connections) channel.close()
    },
  }
}
