/** Behind every path that PFS can hold with this beginning: its paths are of printable ASCII. */
export const afterEveryPath = '\x7f'

/** The greatest marker before every path that begins with `lower`: markers are exclusive. */
export function markerBefore(lower: string): string {
  const last = lower.charCodeAt(lower.length - 1)
  return lower.slice(0, -1) + String.fromCharCode(last - 1) + afterEveryPath
}

/** The least text behind every text that begins with `prefix`; '' where there is none. */
export function prefixEnd(prefix: string): string {
  return prefix === '' ? '' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

/** The directories above a path, nearest first, without the root and without a slash at their end. */
export function parentsOf(path: string): string[] {
  const parents: string[] = []
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    parents.push(path.slice(0, slash))
  }
  return parents
}
