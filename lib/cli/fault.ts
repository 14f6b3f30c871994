import { readFileSync } from 'node:fs'

/** A reason not to start that the user can mend; told in one line, without a stack. */
export class Fault extends Error {
  override readonly name = 'Fault'
}

/** The text of whatever was thrown, on one line. */
export function lineFrom(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return text.replace(/\s*\n\s*/g, ' ').trim()
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

/** Why the system refused, in words; gRPC has the system's code in the middle of its own message. */
export function reasonFrom(thrown: unknown): string {
  return knownReason(thrown) ?? lineFrom(thrown)
}

/** As `reasonFrom`, but undefined if the system's code is not one that this knows. */
export function knownReason(thrown: unknown): string | undefined {
  const line = lineFrom(thrown)
  if (line.includes('Name resolution failed')) return reasons.get('ENOTFOUND')
  const code = line.match(/\bE[A-Z]{4,}\b/g)?.find((word) => reasons.has(word))
  return reasons.get(code ?? '')
}

/** The bytes of a file that the user named; the Fault says what it was for. */
export function readNamedFile(purpose: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new Fault(`cannot read ${purpose} ${path}: ${reasonFrom(cause)}`)
  }
}

/** A named file's content as JSON. */
export function readNamedJson(purpose: string, path: string): unknown {
  const text = readNamedFile(purpose, path).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    throw new Fault(`${purpose} ${path} is not JSON`)
  }
}

/** Whether `value` is a JSON object, as opposed to a list or a plain value. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
