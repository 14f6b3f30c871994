/** Compares texts by their UTF-8 bytes, the order of S3's listings; JavaScript's own order is by UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index)
    const y = b.charCodeAt(index)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

/** The place of a UTF-16 unit in byte order: surrogates stand for characters above all others. */
export function byteRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** A unit that ends no key and comes after every character: `a` + this is after every key that begins with `a`. */
export const afterEveryCharacter = '\udfff'

/** Which keys a listing takes together, in S3's words. */
export interface Grouping {
  /** '' for none. */
  readonly prefix: string
  /** '' for none. */
  readonly delimiter: string
}

/** The common prefix to which a key belongs, if it does: up to the first delimiter behind the prefix, and with it. */
export function commonPrefixOf(key: string, { prefix, delimiter }: Grouping): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined
  const found = key.indexOf(delimiter, prefix.length)
  return found < 0 ? undefined : key.slice(0, found + delimiter.length)
}

/** What a listing shows: something at a key, or a common prefix. */
type ListedName = { readonly kind: 'prefix'; readonly prefix: string } | { readonly kind: string; readonly key: string }

/** The key or common prefix with which a page ends and behind which the next one begins; undefined of an empty page. */
export function lastName(entries: readonly ListedName[]): string | undefined {
  const last = entries.at(-1)
  if (last === undefined) return undefined
  return 'key' in last ? last.key : last.prefix
}
