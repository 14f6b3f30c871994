import { subscribe } from 'node:diagnostics_channel'
import { type PfsCallMessage, type PfsClient, PfsError } from '../index.js'
import { reasonFrom } from './fault.js'
import type { ProgramLog } from './program-log.js'

/** Interval of the checks while pachd is reachable, and while it is not, in milliseconds. */
const upMilliseconds = 10_000
const downMilliseconds = 1000

/** Time limit of a check, in milliseconds. */
const answerMilliseconds = 5000

/** Statuses of calls that did not reach pachd. */
const unreached: ReadonlySet<string> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED'])

/** Tracks whether pachd is reachable. */
export interface PachdWatch {
  readonly isReached: boolean
  stop(): void
}

/**
 * Calls WhoAmI without a token every ten seconds, and at once if a request's call did not reach pachd. Logs one line when
 * pachd becomes unreachable and one when it is reachable again; `onChange` is called with each state, including the first.
 */
export function watchPachd(
  pfs: Pick<PfsClient, 'whoAmI'>,
  log: ProgramLog,
  onChange: (isReached: boolean) => void,
): PachdWatch {
  let isReached = true
  let lostAt = 0
  let isAsking = false
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  onChange(true)

  function change(reason: unknown): void {
    isReached = reason === undefined
    if (isReached) log.say(`pachd is back after ${Math.round((performance.now() - lostAt) / 1000)} s`)
    else {
      lostAt = performance.now()
      log.warn(`pachd is lost: ${reasonFrom(reason)}`)
    }
    onChange(isReached)
  }

  async function ask(): Promise<void> {
    if (isAsking || isStopped) return
    isAsking = true
    clearTimeout(timer)
    const reason = await failureToReach(pfs)
    isAsking = false
    if (isStopped) return
    if ((reason === undefined) !== isReached) change(reason)
    timer = setTimeout(ask, isReached ? upMilliseconds : downMilliseconds).unref()
  }

  subscribe('pfs-s3-gateway:pfs:end', (message) => {
    const { method, status = '' } = message as PfsCallMessage
    if (isReached && method !== 'whoAmI' && unreached.has(status)) void ask()
  })
  timer = setTimeout(ask, upMilliseconds).unref()
  return {
    get isReached() {
      return isReached
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/** The reason why pachd is unreachable; undefined if it responded, even with a refusal. */
async function failureToReach(pfs: Pick<PfsClient, 'whoAmI'>): Promise<unknown> {
  try {
    await pfs.whoAmI({ signal: AbortSignal.timeout(answerMilliseconds) })
    return undefined
  } catch (reason) {
    if (!(reason instanceof PfsError)) return reason
    if (reason.status === 'CANCELLED') return new Error(`no answer within ${answerMilliseconds / 1000} seconds`)
    return unreached.has(reason.status) ? reason : undefined
  }
}
