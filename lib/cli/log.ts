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
  return (entry) => write(`${line(now().toISOString(), { ...entry, target: withoutSecrets(entry.target) })}\n`)
}

function jsonLine(time: string, entry: ResponseLog): string {
  return JSON.stringify({ time, ...entry })
}

function prettyLine(time: string, { method, target, status, code, milliseconds, requestId }: ResponseLog): string {
  // A terminal obeys control characters, so none may reach it.
  const shown = target.replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character))
  return [time, status, method, shown, `${Math.round(milliseconds)}ms`, requestId, code].filter(Boolean).join(' ')
}

/** Query parameters that let whoever reads them act as the caller; in Pachyderm's mode the access key is the token. */
const secretParameter = /^(x-amz-(signature|credential|security-token)|signature|awsaccesskeyid)$/i

/** The request target without the values of presigned parameters. */
export function withoutSecrets(target: string): string {
  const mark = target.indexOf('?')
  if (mark < 0) return target
  const pairs = target.slice(mark + 1).split('&')
  return `${target.slice(0, mark)}?${pairs.map(withoutSecret).join('&')}`
}

function withoutSecret(pair: string): string {
  const name = pair.split('=', 1)[0] ?? ''
  return secretParameter.test(decoded(name)) ? `${name}=...` : pair
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
