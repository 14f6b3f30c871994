import * as assert from 'uvu/assert'
import type { GatewayProcess } from '../faults/support/gateway-process.js'
import { slowness } from '../support/machine-speed.js'
import { bytesOf, exchange, type RawRequest, type RawResponse } from '../support/wire.js'

/**
 * Longest turn of the event loop, in milliseconds of processor time: 10 of loops, and up to 57 in all, most of it garbage
 * collection.
 */
export const longestTurn = 75 * slowness()

/** A gateway in a separate process. */
export interface Bench {
  readonly gateway: GatewayProcess
  close(): Promise<void>
}

/** The cost of one request. */
export interface Cost {
  readonly response: RawResponse
  /** Processor time of the gateway, in milliseconds. */
  readonly total: number
  /** Maximum between two turns of its timers, in milliseconds. */
  readonly longest: number
}

/** The least cost of up to `runs` runs, until it is cheap: the first ones compile, and any may collect garbage. */
export async function cheapestCost(bench: Bench, request: RawRequest, runs = 24): Promise<Cost> {
  return leastCost(bench, request, runs, (cost) => isCheap(cost, request))
}

/** The least cost of several runs; no more are made if one is enough. */
export async function leastCost(
  { gateway }: Bench,
  request: RawRequest,
  runs = 4,
  isEnough = (_cost: Cost): boolean => false,
): Promise<Cost> {
  let least: Cost | undefined
  for (let run = 0; run < runs && !(least !== undefined && isEnough(least)); run += 1) {
    const before = await gateway.measure()
    const response = await exchange(gateway.port, request)
    const after = await gateway.measure()
    const total = after.processorMilliseconds - before.processorMilliseconds
    least = {
      response,
      total: Math.min(total, least?.total ?? total),
      longest: Math.min(after.longestTurnMilliseconds, least?.longest ?? after.longestTurnMilliseconds),
    }
  }
  if (least === undefined) throw new Error('no run')
  return least
}

/** The processor time that a request may cost, in milliseconds. */
function mostOf(request: RawRequest): number {
  return 5 + 0.02 * bytesOf(request).length
}

function isCheap({ total, longest }: Cost, request: RawRequest): boolean {
  return total <= mostOf(request) && longest <= longestTurn
}

/** Fails if a request costs more than 20 µs a byte and 5 ms, or holds the event loop too long. */
export function assertCheap({ total, longest }: Cost, request: RawRequest, name: string): void {
  const most = mostOf(request)
  const spent = `${name}: ${total.toFixed(1)} of ${most.toFixed(1)} ms, ${longest.toFixed(1)} ms at once`
  assert.ok(total <= most, spent)
  assert.ok(longest <= longestTurn, spent)
}
