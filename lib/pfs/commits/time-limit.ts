import { PfsError } from '../errors.js'

/** Aborts what takes longer than it may, unless the result is called before. */
export function limitTime(work: AbortController, milliseconds: number): () => void {
  const timer = setTimeout(() => work.abort(new PfsError('DEADLINE_EXCEEDED', 'PFS took too long')), milliseconds)
  return () => clearTimeout(timer)
}

/** Why work failed: that it took too long, where that is what has cancelled it. */
export function reasonOf({ signal }: AbortController, reason: unknown): unknown {
  return signal.reason instanceof PfsError ? signal.reason : reason
}
