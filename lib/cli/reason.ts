import { lineFrom } from './fault.js'

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
