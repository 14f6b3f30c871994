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
