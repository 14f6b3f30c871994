import { one, type Random } from '../../support/random.js'
import type { Message } from '../recording.js'

const directories = ['', '', '', '/d', '/d', '/d/e', '/a', '/b', '/a0']
const names = ['a', 'b', 'd', 'a-', 'a.txt', 'a0', 'c d', '1', '2', '~', '%2F', 'Z']
const patterns = [
  ...[
    '/*',
    '/**',
    '*',
    '**',
    '/',
    '',
    '/a*',
    '/d/*',
    '/d/**',
    '/*/*',
    '/**/1',
    '/?',
    '/[ab]',
    '/[!a]*',
    '/{a,b}',
    '/{a,d/*}',
  ],
  ...['/d', '/d/', '/a', 'a', '/*.txt', '/a\\-', '/d/e/?', '/nope*', '/d*/**', '/a/*'],
]
const endings = ['', '', '', '/', '-', '\x01', '\x1f', '\x7f', '0', '*']

/** True in `percent` of a hundred cases. */
export function chance(random: Random, percent: number): boolean {
  return random(100) < percent
}

/** A path of the few that collide, lie next to each other and below each other. */
export function path(random: Random): string {
  return `${one(random, directories)}/${one(random, names)}`
}

/** A path, sometimes as another caller would write it. */
export function readPath(random: Random): string {
  if (chance(random, 10)) return '/'
  const chosen = path(random)
  if (chance(random, 6)) return chosen.slice(1)
  if (chance(random, 6)) return `/${chosen}`
  return chance(random, 10) ? `${chosen}/` : chosen
}

/** Where a page or a range may begin or end: at a path, before, behind or inside it. */
export function bound(random: Random): string {
  if (chance(random, 15)) return ''
  const chosen = chance(random, 15) ? one(random, ['/', '/d', 'd', '!', 'a/1', '//d', '/d//1']) : path(random)
  return chosen + one(random, endings)
}

/** A glob. */
export function pattern(random: Random): string {
  return chance(random, 25) ? readPath(random) : one(random, patterns)
}

/** How a listing is cut into pages. */
export function page(random: Random, commit: Message): Message {
  const paginationMarker = chance(random, 60) ? { paginationMarker: { commit, path: bound(random) } } : {}
  return {
    ...paginationMarker,
    ...(chance(random, 50) && { number: String(random(5)) }),
    ...(chance(random, 25) && { reverse: true }),
  }
}

/** A few bytes, or none. */
export function raw(random: Random): string {
  return Buffer.from(one(random, ['', '1', '22', 'three', 'four'])).toString('base64')
}

/** Mostly the datum that a write without one has. */
export function datum(random: Random): Message {
  return chance(random, 6) ? { datum: one(random, ['x', 'y', 'default']) } : {}
}
