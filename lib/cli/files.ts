import { readFileSync } from 'node:fs'
import { Fault } from './fault.js'
import { reasonFrom } from './reason.js'

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
