import { invalidArgument } from '../errors.js'
import { decodeSegment, encodeSegment, isPfsPath } from './key-escapes.js'

/** How to treat a key that is not a valid PFS path: percent-encode or refuse it. */
export type KeyEncoding = 'percent' | 'refuse'

/** Maps object keys to file paths one to one: every key has a path, and every path that PFS can read has a key. */
export interface KeyCodec {
  /** The absolute path of a key. @throws S3Error InvalidArgument if the key is refused. */
  readonly pathFromKey: (key: string) => string
  /** The key of a file. */
  readonly keyFromPath: (path: string) => string
  /** The common prefix of the keys in a directory; `path` ends with a slash. */
  readonly prefixFromDirectory: (path: string) => string
  /**
   * The deepest directory, with its slash, that contains every key longer than `prefix` that starts with it; undefined if
   * no such key is possible.
   */
  readonly directoryFromPrefix: (prefix: string) => string | undefined
  /** The common start of the paths of keys that start with `prefix`; if `%` can start an escape, of most of them. */
  readonly startFromPrefix: (prefix: string) => string
  /** Whether `%` in a path can start an escape. */
  readonly hasEscapes: boolean
}

/** Creates the codec of an encoding. */
export function createKeyCodec(encoding: KeyEncoding): KeyCodec {
  return encoding === 'percent' ? percentCodec : refusingCodec
}

const percentCodec: KeyCodec = {
  pathFromKey: (key) => {
    const segments = segmentsOf(key)
    return segments.map((segment, index) => `/${encodeSegment(segment, index === segments.length - 1)}`).join('')
  },
  keyFromPath: (path) => decodePath(path.slice(1), true),
  prefixFromDirectory: (path) => (path === '/' ? '' : `${decodePath(path.slice(1, -1), false)}/`),
  // One more character turns a trailing slash of the prefix into a separator, as it is in every longer key.
  directoryFromPrefix: (prefix) => directoryOf(percentCodec.pathFromKey(`${prefix}x`)),
  startFromPrefix: (prefix) => percentCodec.pathFromKey(`${prefix}x`).slice(0, -1),
  hasEscapes: true,
}

const refusingCodec: KeyCodec = {
  pathFromKey: (key) => {
    if (isPfsPath(key)) return `/${key}`
    throw invalidArgument('Key', {
      value: key,
      message: 'PFS cannot store this key as a path, and key encoding is off.',
    })
  },
  keyFromPath: (path) => path.slice(1),
  prefixFromDirectory: (path) => path.slice(1),
  directoryFromPrefix: (prefix) => (isPfsPath(`${prefix}x`) ? directoryOf(`/${prefix}`) : undefined),
  startFromPrefix: (prefix) => {
    const path = `/${prefix}`
    const empty = path.indexOf('//')
    // A path has no empty segment; `0` is the character after the slash.
    return empty < 0 ? path : `${path.slice(0, empty + 1)}0`
  },
  hasEscapes: false,
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/**
 * Splits a key at the slashes that can separate path segments: not the first character, the last one, or a slash after
 * another slash. Any other slash stays in its segment.
 */
function segmentsOf(key: string): string[] {
  const segments: string[] = []
  let start = 0
  for (let slash = key.indexOf('/'); slash >= 0 && slash < key.length - 1; slash = key.indexOf('/', slash + 1)) {
    if (slash === start) continue
    segments.push(key.slice(start, slash))
    start = slash + 1
  }
  segments.push(key.slice(start))
  return segments
}

function decodePath(path: string, isWhole: boolean): string {
  if (!path.includes('%')) return path
  const segments = path.split('/')
  return segments.map((segment, index) => decodeSegment(segment, isWhole && index === segments.length - 1)).join('/')
}
