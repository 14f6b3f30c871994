import { PfsError } from '../../pfs/errors.js'

/** The absolute path without double or trailing slashes: `a//b/` becomes `/a/b`, and `` becomes `/`. */
export function cleanPath(path: string): string {
  return `/${path.split('/').filter(Boolean).join('/')}`
}

/** The clean path of a directory, with a trailing slash. */
export function directoryPath(path: string): string {
  const clean = cleanPath(path)
  return clean === '/' ? clean : `${clean}/`
}

/** The clean path of a file to write; throws pachd's error if it is invalid. */
export function parseWritePath(path: string): string {
  if (!/^[\x20-\x7e]+$/.test(path)) {
    throw new PfsError('UNKNOWN', `path (${path}) invalid: only printable ASCII characters allowed`)
  }
  const globCharacter = /[*?[\]{}!()@+^]/.exec(path)
  if (globCharacter) {
    throw new PfsError(
      'UNKNOWN',
      `path (${path}) invalid: globbing character (${globCharacter[0]}) not allowed in path`,
    )
  }
  if (/(^|\/)\.\.?(\/|$)/.test(path)) {
    throw new PfsError('UNKNOWN', `path (${path}) invalid: relative file paths are not allowed`)
  }
  return cleanPath(path)
}

/** A glob over absolute paths; directories have no trailing slash. */
export interface Glob {
  /** The common prefix of all matches. */
  readonly prefix: string
  /** Maximum depth of a match; infinite with a `**`. */
  readonly depth: number
  matches(path: string): boolean
}

const special = /[*?[\]{}\\]/

/**
 * Parses pachd's globs: `*` and `?` stay within a segment, `**` does not, `[a-z]` and `[!a-z]` are sets, `{a,b}` are
 * alternatives, and `\` escapes the next character. Throws if a set or an alternative is malformed.
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
