import type { EventEmitter } from 'node:events'
import type { ErrorContext, ResponseLog } from '../index.js'
import { lineFrom, reasonFrom, withoutControls } from './fault.js'

/** The values of `--log`. */
export const logFormats = ['text', 'json', 'off'] as const
export type LogFormat = (typeof logFormats)[number]

/** Additional fields of a JSON line. */
type Fields = Readonly<Record<string, unknown>>

/** The output of the program: requests to standard output, everything else to standard error. */
export interface ProgramLog {
  /** Logs a request. */
  request(log: ResponseLog): void
  /** Logs an error of the gateway or PFS, and the affected request. */
  error(error: unknown, context?: ErrorContext): void
  /** Warns the operator. */
  warn(message: string, fields?: Fields): void
  /** Prints a message about the program itself; `text` replaces `message` in text format. */
  say(message: string, fields?: Fields, text?: string): void
}

/** Creates the log; loads pino only for 'json'. */
export async function createProgramLog(format: LogFormat): Promise<ProgramLog> {
  return format === 'json' ? createJsonLog() : createTextLog(format === 'text')
}

/** A full disk or a closed pipe must not end the program: the lines are lost, and standard error says so once. */
function surviveErrors(output: EventEmitter, onFirst: (line: string) => void): void {
  output.on('error', () => undefined)
  output.once('error', (error) => onFirst(`cannot write to standard output: ${reasonFrom(error)}`))
}

/** Limit of the lines that are kept until they can be written, in characters. */
const maxKept = 1024 * 1024

async function createJsonLog(): Promise<ProgramLog> {
  const { pino } = await import('pino')
  const options = {
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
    serializers: { err: pino.stdSerializers.err },
    // JSON escapes only C0; each line ends with a line feed.
    hooks: { streamWrite: (line: string) => `${withoutControls(line.slice(0, -1))}\n` },
  }
  // Synchronous, so that no line is lost at exit. pino keeps lines that it cannot write.
  const destination = (fd: number) => pino.destination({ fd, sync: true, maxLength: maxKept })
  const [standardOutput, standardError] = [destination(1), destination(2)]
  const requests = pino(options, standardOutput)
  const words = pino(options, standardError)
  const warn = (message: string, fields: Fields = {}): void => words.warn(fields, message)
  for (const output of [standardOutput, process.stdout]) surviveErrors(output, warn)
  for (const output of [standardError, process.stderr]) output.on('error', () => undefined)
  return {
    request: ({ time, ...log }) => requests.info({ start: time.toISOString(), ...log }, 'request'),
    error: (error, context) => words.error({ ...context, err: error }, lineFrom(error)),
    warn,
    say: (message, fields = {}) => words.info(fields, message),
  }
}

function createTextLog(hasRequests: boolean): ProgramLog {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  surviveErrors(process.stdout, (line) => say(`warning: ${line}`))
  process.stderr.on('error', () => undefined)
  return {
    request: (log) => {
      if (hasRequests) process.stdout.write(`${requestLine(log)}\n`)
    },
    error: (error, context) => {
      const { requestId, action } = context ?? {}
      const place =
        requestId === undefined ? '' : ` in request ${requestId}${action === undefined ? '' : `, ${action}`}`
      say(`error${place}: ${lineFrom(error)}`)
    },
    warn: (message) => say(`warning: ${message}`),
    say: (message, _, text = message) => say(text),
  }
}

/** A human-readable line. The target already consists of printable ASCII without spaces. */
function requestLine(log: ResponseLog): string {
  const { time, status, method, target, action, milliseconds, bytesIn, bytesOut, requester, requestId, code } = log
  return [
    time.toISOString(),
    status,
    method,
    target,
    action ?? '-',
    `${Math.round(milliseconds)}ms`,
    `in=${bytesIn}`,
    `out=${bytesOut}`,
    requestId,
    requester === undefined ? '-' : printable(requester),
    code ?? '',
  ]
    .join(' ')
    .trimEnd()
}

/** Percent-encodes spaces, control characters and non-ASCII characters. */
export function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
