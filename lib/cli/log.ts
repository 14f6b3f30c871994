import type { ResponseLog } from '../index.js'
import type { LogFormat } from './arguments.js'

/** Writes one line for each request that is over; undefined where there is to be no log. */
export function createLog(
  format: LogFormat,
  write: (line: string) => void,
  now: () => Date = () => new Date(),
): ((entry: ResponseLog) => void) | undefined {
  if (format === 'off') return undefined
  const line = format === 'json' ? jsonLine : prettyLine
  return (entry) => write(`${line(now().toISOString(), entry)}\n`)
}

function jsonLine(time: string, entry: ResponseLog): string {
  return JSON.stringify({ ...entry, time })
}

function prettyLine(time: string, { method, target, status, code, milliseconds, requestId }: ResponseLog): string {
  return [time, status, method, target, `${Math.round(milliseconds)}ms`, requestId, code].filter(Boolean).join(' ')
}
