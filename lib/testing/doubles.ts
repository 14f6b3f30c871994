import { setTimeout } from 'node:timers/promises'
import type { CallOptions, PfsClient } from '../pfs/client.js'
import { PfsError, type PfsStatus } from '../pfs/errors.js'
import type { PachydermApi } from './pachyderm-api.js'
import { pachydermMethods } from './pachyderm-methods.js'

/**
 * A mock of PFS with the calls that a test provides. Every other call fails with an error that names it, so the test
 * notices unexpected calls.
 *
 * @example
 * ```ts
 * const pfs = mockPfs({ inspectRepo: async () => { throw pfsError.missing('repo', 'default/images') } })
 * assert.equal(await hasImages(pfs), false) // of the code under test
 * ```
 */
export function mockPfs(calls: Partial<PachydermApi>): PachydermApi {
  const refusing = Object.entries(pachydermMethods).map(([name, { responseStream }]) => [
    name,
    refusingCall(name, responseStream),
  ])
  return { ...(Object.fromEntries(refusing) as unknown as PachydermApi), ...calls }
}

function refusingCall(name: string, isStream: boolean): () => unknown {
  const refuse = async (): Promise<never> => {
    throw new Error(`mockPfs: ${name} was called, but the test does not provide it`)
  }
  if (!isStream) return refuse
  return async function* () {
    yield await refuse()
  }
}

/** How calls of one method fail. */
export interface PfsFault {
  /** The error, or its status, such as `'UNAVAILABLE'`. Without it, the call is only delayed. */
  readonly fail?: PfsStatus | Error
  /**
   * When the call fails: at the `'start'`, before PFS receives it; or at the `'end'`, after PFS has done the work, so that
   * only the response is lost. A number breaks a stream after that many items.
   *
   * @default 'start'
   */
  readonly failAt?: 'start' | 'end' | number
  /**
   * Delay before PFS receives the call, in milliseconds; `Infinity` waits until the caller cancels.
   *
   * @default 0
   */
  readonly delayMilliseconds?: number
  /** Number of calls before the first faulty one. @default 0 */
  readonly skip?: number
  /** Number of faulty calls; later ones succeed. @default Infinity */
  readonly times?: number
}

/** Faults by method; a function receives the arguments of each call and may return undefined for no fault. */
export type PfsFaults = {
  readonly [Name in keyof PachydermApi]?: PfsFault | ((...args: Parameters<PachydermApi[Name]>) => PfsFault | undefined)
}

/**
 * Wraps a PFS with faults, to test retries, time limits and error messages. `skip` and `times` count the calls of one
 * method for which there is a fault.
 *
 * @example
 * ```ts
 * // PFS is unavailable for the first two writes.
 * const pfs = withFaults(createMemoryPfs(), { modifyFile: { fail: 'UNAVAILABLE', times: 2 } })
 * // Downloads break after one piece; the response to a write is lost; /slow takes a second.
 * withFaults(pfs, {
 *   getFile: { fail: 'UNAVAILABLE', failAt: 1 },
 *   createRepo: { fail: 'DEADLINE_EXCEEDED', failAt: 'end' },
 *   inspectFile: (file) => (file.path === '/slow' ? { delayMilliseconds: 1000 } : undefined),
 * })
 * ```
 */
export function withFaults<Pfs extends PfsClient>(pfs: Pfs, faults: PfsFaults): Pfs {
  const counts = new Map<string, number>()

  /** The fault of a call, if it has one. */
  function faultOf(name: keyof PachydermApi, args: readonly unknown[]): PfsFault | undefined {
    const configured = faults[name] as PfsFault | ((...args: readonly unknown[]) => PfsFault | undefined) | undefined
    const fault = typeof configured === 'function' ? configured(...args) : configured
    if (fault === undefined) return undefined
    const { skip = 0, times = Number.POSITIVE_INFINITY } = fault
    const before = counts.get(name) ?? 0
    counts.set(name, before + 1)
    return before >= skip && before < skip + times ? fault : undefined
  }

  return new Proxy(pfs, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      const call = (...args: unknown[]): unknown => Reflect.apply(member, target, args)
      if (!isCallName(name) || faults[name] === undefined) return call
      return (...args: unknown[]) => {
        const fault = faultOf(name, args)
        return fault === undefined
          ? call(...args)
          : faultyCall(pachydermMethods[name].responseStream, call, args, fault)
      }
    },
  })
}

function isCallName(name: string | symbol): name is keyof PachydermApi {
  return Object.hasOwn(pachydermMethods, name)
}

function faultyCall(
  isStream: boolean,
  call: (...args: unknown[]) => unknown,
  args: unknown[],
  fault: PfsFault,
): unknown {
  const signal = args.map((arg) => (arg as CallOptions | undefined)?.signal).find((each) => each instanceof AbortSignal)
  const begin = async (): Promise<void> => {
    await wait(fault.delayMilliseconds ?? 0, signal)
    if (fault.failAt === undefined || fault.failAt === 'start') throwFailure(fault)
  }

  async function faultyUnary(): Promise<unknown> {
    await begin()
    const answer = await call(...args)
    throwFailure(fault)
    return answer
  }

  async function* faultyStream(): AsyncGenerator<unknown> {
    await begin()
    let items = 0
    if (fault.failAt === 0) throwFailure(fault)
    for await (const item of call(...args) as AsyncIterable<unknown>) {
      yield item
      items += 1
      if (fault.failAt === items) throwFailure(fault)
    }
    throwFailure(fault)
  }

  return isStream ? faultyStream() : faultyUnary()
}

function throwFailure({ fail }: PfsFault): void {
  if (fail === undefined) return
  throw typeof fail === 'string' ? new PfsError(fail, 'a fault of the test') : fail
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds === 0) return
  try {
    if (milliseconds === Number.POSITIVE_INFINITY) await untilAborted(signal)
    else await setTimeout(milliseconds, undefined, signal && { signal })
  } catch (cause) {
    throw new PfsError('CANCELLED', 'context canceled', { cause })
  }
}

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
