import { PfsError, type PfsStatus } from '../../../lib/index.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { pachydermMethods } from '../../../lib/testing/pachyderm-methods.js'

export type Method = keyof PachydermApi

/** PFS whose methods a test replaces at run time, and that knows its running calls. */
export interface FaultyPfs {
  readonly client: PachydermApi
  /** The methods that are answered by the test; all others by the PFS behind. */
  faults: Partial<PachydermApi>
  /** How often each method has been called. */
  readonly calls: ReadonlyMap<Method, number>
  /** The methods of the calls that run. */
  running(): readonly Method[]
  /** Settles when the next call of a method has begun. */
  begun(method: Method): Promise<void>
}

/** Puts faults before a PFS. */
export function createFaultyPfs(pfs: PachydermApi): FaultyPfs {
  const calls = new Map<Method, number>()
  const running = new Set<{ readonly method: Method }>()
  const waiting: { method: Method; begin: () => void }[] = []

  function begin(method: Method): { readonly method: Method } {
    const call = { method }
    running.add(call)
    calls.set(method, (calls.get(method) ?? 0) + 1)
    for (const each of waiting.filter((one) => one.method === method)) {
      waiting.splice(waiting.indexOf(each), 1)
      each.begin()
    }
    return call
  }

  async function* watchStream(method: Method, start: () => unknown): AsyncGenerator<unknown> {
    const call = begin(method)
    try {
      yield* start() as AsyncIterable<unknown>
    } finally {
      running.delete(call)
    }
  }

  async function watch(method: Method, start: () => unknown): Promise<unknown> {
    const call = begin(method)
    try {
      return await start()
    } finally {
      running.delete(call)
    }
  }

  const faulty: FaultyPfs = {
    client: new Proxy(pfs, {
      get: (_, name: Method) => {
        if (!(name in pfs)) return undefined
        const start = (args: unknown[]) => () => Reflect.apply(faulty.faults[name] ?? pfs[name], pfs, args)
        return (...args: unknown[]) => (pachydermMethods[name].responseStream ? watchStream : watch)(name, start(args))
      },
    }),
    faults: {},
    calls,
    running: () => [...running].map(({ method }) => method),
    begun: (method) => new Promise((resolve) => waiting.push({ method, begin: resolve })),
  }
  return faulty
}

/** A method that answers every call with a status. */
export function refusing(method: Method, status: PfsStatus, text = 'an injected fault'): Partial<PachydermApi> {
  const refusal = () => new PfsError(status, text)
  const refuse = async () => {
    throw refusal()
  }
  async function* refuseStream() {
    yield await refuse()
  }
  return { [method]: pachydermMethods[method].responseStream ? refuseStream : refuse }
}

/** Settles when the caller has gone, by throwing as PFS does. */
export function stalled(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const give = () => reject(new PfsError('CANCELLED', 'context canceled'))
    if (signal?.aborted) give()
    else signal?.addEventListener('abort', give, { once: true })
  })
}
