/** A glob over absolute paths, directories without the slash at their end. */
export interface Glob {
  /** What every match begins with. */
  readonly prefix: string
  /** How many levels deep a match can lie; a `**` has no end. */
  readonly depth: number
  matches(path: string): boolean
}

const special = /[*?[\]{}\\]/

/**
 * Parses pachd's globs: `*` and `?` stay within a segment, `**` crosses, `[a-z]` and `[!a-z]` are sets, `{a,b}` are
 * alternatives, `\` takes the next character as it is.
 */
export function parseGlob(pattern: string): Glob {
  const absolute = `/${pattern.replace(/^\/+/, '').replace(/\/+$/, '')}`
  const path = absolute === '/' ? '' : absolute
  const expression = new RegExp(`^${expressionFromGlob(path)}$`, 's')
  const firstSpecial = path.search(special)
  return {
    prefix: firstSpecial === -1 ? path : path.slice(0, firstSpecial),
    depth: path.includes('**') || path.includes('{') ? Number.POSITIVE_INFINITY : path.split('/').length - 1,
    matches: (candidate) => expression.test(candidate),
  }
}

function expressionFromGlob(glob: string): string {
  let depth = 0
  return glob.replace(/\\.|\*\*|\[!?[^\]]+\]|[\s\S]/g, (token) => {
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 2) return token.replace('[!', '[^').replaceAll('\\', '\\\\')
    if (token === '{') {
      depth++
      return '(?:'
    }
    if (token === '}' && depth > 0) {
      depth--
      return ')'
    }
    if (token === ',' && depth > 0) return '|'
    return token.slice(-1).replace(/[.*+?^${}()|[\]\\/]/, '\\$&')
  })
}
