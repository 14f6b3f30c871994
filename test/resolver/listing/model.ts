import fc from 'fast-check'
import { compareBytes } from '../../../lib/resolver/key-order.js'
import type { ListQuery } from '../../../lib/resolver/listing/list-keys.js'

/** The names that S3 lists of these keys, all pages together. */
export function listedNames(keys: readonly string[], query: Omit<ListQuery, 'limit'>): string[] {
  const { prefix, delimiter, after } = query
  const names = new Set<string>()
  for (const key of [...keys].sort(compareBytes)) {
    if (!key.startsWith(prefix) || compareBytes(key, after) <= 0) continue
    const found = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const name = found < 0 ? key : key.slice(0, found + delimiter.length)
    if (found < 0 || !after.startsWith(name)) names.add(name)
  }
  return [...names]
}

/** The keys that PFS can store together: no path is both a file and a directory. */
export function keysWithoutCollision(keys: readonly string[], pathFromKey: (key: string) => string): string[] {
  const kept = new Set<string>()
  const files = new Set<string>()
  const directories = new Set<string>()
  for (const key of keys) {
    const path = pathFromKey(key)
    const parents = [...path.matchAll(/(?<=.)\//g)].map(({ index }) => path.slice(0, index))
    if (directories.has(path) || parents.some((parent) => files.has(parent))) continue
    kept.add(key)
    files.add(path)
    for (const parent of parents) directories.add(parent)
  }
  return [...kept]
}

/** Keys that share beginnings, and what to ask of them; pages are cut to `limits` in turn. */
export function listingCases(parts: readonly string[]) {
  const text = (maxLength: number) =>
    fc.array(fc.constantFrom(...parts), { maxLength }).map((chosen) => chosen.join(''))
  const cut = fc.record({ of: fc.nat(), length: fc.nat(6) })
  return fc
    .record({
      shared: text(2),
      rests: fc.array(text(5), { maxLength: 14 }),
      delimiter: fc.constantFrom('', '/', '/', '-', 'ab', '%', 'é', '.', '(', 'a'),
      limits: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
      prefix: fc.oneof(fc.constant(''), cut),
      after: fc.oneof(text(3), cut),
    })
    .map(({ shared, rests, delimiter, limits, prefix, after }) => {
      const keys = [...rests.map((rest) => shared + rest), ...rests.slice(0, 4)].filter((key) => key !== '')
      const pick = (choice: string | { of: number; length: number }) =>
        typeof choice === 'string'
          ? choice
          : [...(keys[choice.of % Math.max(keys.length, 1)] ?? '')].slice(0, choice.length).join('')
      return { keys, limits, query: { prefix: pick(prefix), delimiter, after: pick(after) } }
    })
}
