import { timingSafeEqual } from 'node:crypto'

/** Compares two signatures in a time that tells nothing of where they differ. */
export function sameSignature(expected: string, provided: string): boolean {
  const a = Buffer.from(expected, 'latin1')
  const b = Buffer.from(provided, 'latin1')
  return a.length === b.length && timingSafeEqual(a, b)
}
