import { setMaxListeners } from 'node:events'
import type { CallOptions } from './client.js'
import { PfsError } from './errors.js'

/** Time limit of work that no client can cancel, in milliseconds. */
export const defaultLimitMilliseconds = 120_000

/** Options of calls with a time limit. */
export type LimitedOptions = CallOptions & { readonly signal: AbortSignal }

/**
 * Runs work that several requests share, or that goes on if its client leaves, with another signal: a call of PFS may hang
 * without an end.
 *
 * @param milliseconds By default two minutes.
 * @throws PfsError DEADLINE_EXCEEDED after that time, if the work ends when its signal fires
 */
export async function withTimeLimit<Result>(
  options: CallOptions,
  work: (options: LimitedOptions) => Promise<Result>,
  milliseconds: number = defaultLimitMilliseconds,
): Promise<Result> {
  const limit = new AbortController()
  // Each call adds a listener, and Node warns at more than ten.
  setMaxListeners(0, limit.signal)
  const timer = setTimeout(
    () => limit.abort(new PfsError('DEADLINE_EXCEEDED', 'PFS did not answer in time')),
    milliseconds,
  )
  try {
    return await work({ ...options, signal: limit.signal })
  } catch (reason) {
    // That of a call says only that it was cancelled.
    throw limit.signal.aborted ? limit.signal.reason : reason
  } finally {
    clearTimeout(timer)
  }
}
