import { invalidArgument } from '../errors.js'
import { decodeSegment, encodeSegment, isPfsPath } from './key-escapes.js'

/** What happens to a key that PFS cannot hold as it is: it is percent-encoded, or refused. */
export type KeyEncoding = 'percent' | 'refuse'

/**
 * Object keys and file paths, one to one: every key has a path, and every path that PFS can read has a key.
 */
export interface KeyCodec {
  /** The absolute path of a key; throws InvalidArgument for a key that is refused. */
  readonly pathFromKey: (key: string) => string
  /** The key of a file. */
  readonly keyFromPath: (path: string) => string
  /** What the keys below a directory begin with, from the directory's path with its slash at the end. */
  readonly prefixFromDirectory: (path: string) => string
  /**
   * The deepest directory, with its slash, that holds every key longer than `prefix` that begins with it; undefined
   * where there can be no such key.
   */
  readonly directoryFromPrefix: (prefix: string) => string | undefined
  /** The text with which the paths of most keys that begin with `prefix` begin: all, unless `%` begins an escape. */
  readonly startFromPrefix: (prefix: string) => string
  /** Whether `%` in a path can begin an escape. */
  readonly hasEscapes: boolean
}

/** The codec of an encoding. */
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
  // One more character makes a slash at the end of the prefix the separator that it is in every longer key.
  directoryFromPrefix: (prefix) => directoryOf(percentCodec.pathFromKey(`${prefix}x`)),
  startFromPrefix: (prefix) => percentCodec.pathFromKey(`${prefix}x`).slice(0, -1),
  hasEscapes: true,
}

const refusingCodec: KeyCodec = {
  pathFromKey: (key) => {
    if (isPfsPath(key)) return `/${key}`
    throw invalidArgument('Key', {
      value: key,
      message: 'PFS cannot hold this key as a path, and key encoding is off.',
    })
  },
  keyFromPath: (path) => path.slice(1),
  prefixFromDirectory: (path) => path.slice(1),
  directoryFromPrefix: (prefix) => (isPfsPath(`${prefix}x`) ? directoryOf(`/${prefix}`) : undefined),
  startFromPrefix: (prefix) => {
    const path = `/${prefix}`
    const empty = path.indexOf('//')
    // No path has an empty segment; the next character after a slash is `0`.
    return empty < 0 ? path : `${path.slice(0, empty + 1)}0`
  },
  hasEscapes: false,
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/**
 * Cuts a key at the slashes that can separate the segments of a path: not the first character, not the last, not one
 * right after another. The rest stay in their segment.
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
