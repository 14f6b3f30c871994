import { setTimeout as wait } from 'node:timers/promises'
import type { Channel } from '@grpc/grpc-js'
import { PfsError } from '../errors.js'
import { connected } from './connection.js'

/** How long a call waits for a connection, and a read for a PFS that answers UNAVAILABLE. */
const patienceMilliseconds = 2_500
const maxAttempts = 4
const firstPauseMilliseconds = 100

/** Makes a write once, when the channel is connected; whether a failed one has arrived cannot be known. */
export async function attemptOnce<T>(
  channel: Channel,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  await connected(channel, Date.now() + patienceMilliseconds, signal)
  return attempt()
}

/** Makes a read, and makes it again while PFS is UNAVAILABLE: a few times, for a few seconds in all. */
export async function attemptRepeatedly<T>(
  channel: Channel,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  const giveUpAt = Date.now() + patienceMilliseconds
  for (let attempts = 1; ; attempts++) {
    await connected(channel, giveUpAt, signal)
    try {
      return await attempt()
    } catch (error) {
      const passing = error instanceof PfsError && error.status === 'UNAVAILABLE'
      if (!passing || attempts === maxAttempts || Date.now() >= giveUpAt) throw error
      await pause(firstPauseMilliseconds * 3 ** (attempts - 1), signal)
    }
  }
}

/** Waits between half and all of the time, so that many callers do not come back at once; an abort ends it. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  const jittered = milliseconds * (0.5 + Math.random() / 2)
  await wait(jittered, undefined, signal && { signal }).catch(() => {})
}
