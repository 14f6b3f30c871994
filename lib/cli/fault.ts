import { readFileSync } from 'node:fs'

/** A startup error that the user can correct; printed as one line, without a stack. */
export class Fault extends Error {
  override readonly name = 'Fault'
}

/** A failure that another process has printed already. */
export class PrintedFault extends Fault {}

/** The message of any thrown value, on one line and without control characters: it may contain text of a client or of PFS. */
export function lineFrom(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return withoutControls(text.replace(/\s*\n\s*/g, ' ').trim())
}

/** Escapes as JSON does what a terminal obeys: C0, C1, line separators, and format characters such as bidirectional ones. */
export function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EADDRINUSE', 'another program listens there'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  ['ECONNREFUSED', 'nothing listens there'],
  ['EISDIR', 'it is a directory'],
  ['ENOENT', 'there is no such file'],
  ['ENOTFOUND', 'there is no such host'],
])

/** The reason of a system error in words; gRPC puts the system's error code in the middle of its message. */
export function reasonFrom(thrown: unknown): string {
  return knownReason(thrown) ?? lineFrom(thrown)
}

/** Like `reasonFrom`, but undefined for an unknown error code. */
export function knownReason(thrown: unknown): string | undefined {
  const line = lineFrom(thrown)
  if (line.includes('Name resolution failed')) return reasons.get('ENOTFOUND')
  const code = line.match(/\bE[A-Z]{4,}\b/g)?.find((word) => reasons.has(word))
  return reasons.get(code ?? '')
}

/** A Fault about a file that cannot be written; `text` names it. */
export function faultOfWriting(text: string, thrown: unknown): Fault {
  const reason = /\bENOENT\b/.test(lineFrom(thrown)) ? 'its directory is missing' : reasonFrom(thrown)
  return new Fault(`${text}: ${reason}`)
}

/** Reads a file that the user named; the Fault mentions its purpose. */
export function readNamedFile(purpose: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new Fault(`cannot read ${purpose} ${path}: ${reasonFrom(cause)}`)
  }
}

/** Reads a JSON file that the user named. */
export function readNamedJson(purpose: string, path: string): unknown {
  const text = readNamedFile(purpose, path).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the text, which may contain a secret.
    throw new Fault(`${purpose} ${path} is not JSON`)
  }
}

/** Whether `value` is a JSON object, and not an array or a primitive. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
