import { PfsError } from '../errors.js'

/** The absolute path without doubled slashes and without one at its end: `a//b/` is `/a/b`, and `` is `/`. */
export function cleanPath(path: string): string {
  return `/${path.split('/').filter(Boolean).join('/')}`
}

/** The path of a directory: clean, with a slash at its end. */
export function directoryPath(path: string): string {
  const clean = cleanPath(path)
  return clean === '/' ? clean : `${clean}/`
}

/** The clean path of a file that is written; throws what pachd refuses. */
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
