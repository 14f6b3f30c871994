import type { DestinationStream } from 'pino'
import type { ErrorContext, ResponseLog } from '../index.js'
import { lineFrom } from './fault.js'

/** Values of `--log`: lines to read, JSON lines, or nothing about requests. */
export const logFormats = ['text', 'json', 'none'] as const
export type LogFormat = (typeof logFormats)[number]

/** Fields of a JSON line beside its message. */
type Fields = Readonly<Record<string, unknown>>

/** All that the program writes: a line for each request on standard output, everything else on standard error. */
export interface ProgramLog {
  /** A request is over. */
  request(log: ResponseLog): void
  /** A failure of the gateway or PFS; `context` is the request that it is about. */
  error(error: unknown, context?: ErrorContext): void
  /** Something is not as the operator may believe. */
  warn(message: string, fields?: Fields): void
  /** The program says what it does. `text` stands for the message where people read it. */
  say(message: string, fields?: Fields, text?: string): void
}

/** Writes in a format; pino is loaded for 'json' only. */
export async function createProgramLog(format: LogFormat): Promise<ProgramLog> {
  return format === 'json' ? createJsonLog() : createTextLog(format === 'text')
}

async function createJsonLog(): Promise<ProgramLog> {
  const { pino } = await import('pino')
  const options = {
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
    serializers: { err: pino.stdSerializers.err },
  }
  const requests = pino(options, destination(1))
  const words = pino(options, destination(2))
  return {
    request: ({ time, ...log }) => requests.info({ start: time.toISOString(), ...log }, 'request'),
    error: (error, context) => words.error({ ...context, err: error }, lineFrom(error)),
    warn: (message, fields = {}) => words.warn(fields, message),
    say: (message, fields = {}) => words.info(fields, message),
  }

  /** Written at once, so that the last lines are there when the process ends. */
  function destination(fd: number): DestinationStream {
    const stream = pino.destination({ fd, sync: true })
    // A reader that has gone must not end the program.
    stream.on('error', () => undefined)
    return stream
  }
}

function createTextLog(hasRequests: boolean): ProgramLog {
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
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

/** One line to read; the target is printable ASCII without spaces already. */
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

/** Text without spaces and control characters, each percent-encoded as UTF-8. */
export function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, (character) =>
    Array.from(Buffer.from(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
