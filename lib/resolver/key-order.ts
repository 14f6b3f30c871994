/** Compares texts by their UTF-8 bytes, the order of S3's listings; JavaScript compares UTF-16 code units. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index)
    const y = b.charCodeAt(index)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

/** The rank of a UTF-16 code unit in byte order: surrogates encode the characters above all others. */
export function byteRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** Sorts after every character and ends no key: `a` + this sorts after every key that starts with `a`. */
export const afterEveryCharacter = '\udfff'

/** How a listing groups keys, in S3's terms. */
export interface Grouping {
  /** '' for none. */
  readonly prefix: string
  /** '' for none. */
  readonly delimiter: string
}

/** The common prefix of a key: the text up to and including the first delimiter after the prefix, if there is one. */
export function commonPrefixOf(key: string, { prefix, delimiter }: Grouping): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined
  const found = key.indexOf(delimiter, prefix.length)
  return found < 0 ? undefined : key.slice(0, found + delimiter.length)
}

/** An entry of a listing: a key or a common prefix. */
type ListedName = { readonly kind: 'prefix'; readonly prefix: string } | { readonly kind: string; readonly key: string }

/** The last key or common prefix of a page, after which the next page starts; undefined for an empty page. */
export function lastName(entries: readonly ListedName[]): string | undefined {
  const last = entries.at(-1)
  if (last === undefined) return undefined
  return 'key' in last ? last.key : last.prefix
}
