import { PfsError } from '../errors.js'

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
 * alternatives, `\` takes the next character as it is. Throws for a set or an alternative that makes no sense.
 */
export function parseGlob(pattern: string): Glob {
  const absolute = `/${pattern.replace(/^\/+/, '').replace(/\/+$/, '')}`
  const path = absolute === '/' ? '' : absolute
  const expression = compileGlob(path)
  const firstSpecial = path.search(special)
  return {
    prefix: firstSpecial === -1 ? path : path.slice(0, firstSpecial),
    depth: path.includes('**') || path.includes('{') ? Number.POSITIVE_INFINITY : path.split('/').length - 1,
    matches: (candidate) => expression.test(candidate),
  }
}

function compileGlob(glob: string): RegExp {
  try {
    return new RegExp(`^${expressionFromGlob(glob)}$`, 's')
  } catch (cause) {
    throw new PfsError('UNKNOWN', `glob (${glob}) invalid`, { cause })
  }
}

function expressionFromGlob(glob: string): string {
  let depth = 0
  return glob.replace(/\\.|\*\*|\[!?[^\]]+\]|[\s\S]/g, (token) => {
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 2) return expressionFromSet(token.slice(1, -1))
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

function expressionFromSet(set: string): string {
  const isNegated = set.startsWith('!')
  return `[${isNegated ? '^' : ''}${set.slice(isNegated ? 1 : 0).replace(/[\\^[]/g, '\\$&')}]`
}
