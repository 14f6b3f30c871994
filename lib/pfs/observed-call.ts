import { type PfsCallMessage, pfsEnd, pfsStart } from '../diagnostics.js'
import type { CallObserver, CallOptions } from './client.js'
import { PfsError } from './errors.js'

/** Counts the PFS calls of a request, and measures the time during which at least one of them was running. */
export class CallMeter implements CallObserver {
  readonly requestId: string
  calls = 0
  #milliseconds = 0
  #running = 0
  #since = 0

  constructor(requestId: string) {
    this.requestId = requestId
  }

  /** Total until now, including running calls. */
  get milliseconds(): number {
    return this.#milliseconds + (this.#running === 0 ? 0 : performance.now() - this.#since)
  }

  start(): void {
    this.calls += 1
  }

  run(): void {
    if (this.#running === 0) this.#since = performance.now()
    this.#running += 1
  }

  pause(): void {
    this.#running -= 1
    if (this.#running === 0) this.#milliseconds += performance.now() - this.#since
  }
}

/** Combines the observers of requests that share a call; undefined if there are none. */
export function sharedObserver(observers: readonly (CallObserver | undefined)[]): CallObserver | undefined {
  const all = new Set(observers.filter((observer) => observer !== undefined))
  const [first] = all
  if (first === undefined || all.size === 1) return first
  const each = (step: 'start' | 'run' | 'pause') => (): void => {
    for (const observer of all) observer[step]()
  }
  return { start: each('start'), run: each('run'), pause: each('pause') }
}

/** Calls a method of a PfsClient and reports it to the observer in its options and to the diagnostics channels. */
export function observeCall(method: string, { observer }: CallOptions, call: () => unknown): unknown {
  if (observer === undefined && !pfsStart.hasSubscribers && !pfsEnd.hasSubscribers) return call()
  const requestId = observer?.requestId
  const message: PfsCallMessage = { method, ...(requestId !== undefined && { requestId }) }
  let started = 0
  const start = (): void => {
    started = performance.now()
    observer?.start()
    pfsStart.publish(message)
  }
  const end = (status: string): void => {
    message.status = status
    message.milliseconds = performance.now() - started
    pfsEnd.publish(message)
  }

  async function unary(answer: Promise<unknown>): Promise<unknown> {
    observer?.run()
    let status = 'OK'
    try {
      return await answer
    } catch (error) {
      status = statusOf(error)
      throw error
    } finally {
      observer?.pause()
      end(status)
    }
  }

  /** Counts only the time spent waiting for messages: between two of them, the client may be slow. */
  async function* stream(answer: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    start()
    const iterator = answer[Symbol.asyncIterator]()
    let status = 'CANCELLED'
    try {
      for (;;) {
        const step = await next(iterator)
        if (step.done) {
          status = 'OK'
          return
        }
        yield step.value
      }
    } catch (error) {
      status = statusOf(error)
      throw error
    } finally {
      if (status === 'CANCELLED') await iterator.return?.()
      end(status)
    }
  }

  async function next(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
    observer?.run()
    try {
      return await iterator.next()
    } finally {
      observer?.pause()
    }
  }

  const answer = call()
  if (isIterable(answer)) return stream(answer)
  start()
  return unary(Promise.resolve(answer))
}

function statusOf(error: unknown): string {
  return error instanceof PfsError ? error.status : 'UNKNOWN'
}

/** Whether a call returned a stream. */
export function isIterable(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}
