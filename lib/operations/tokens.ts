import { invalidArgument } from '../errors.js'

/** An opaque continuation token that says after which name a listing goes on. */
export function tokenFrom(name: string): string {
  return Buffer.from(name).toString('base64url')
}

/** The name in a continuation token; throws InvalidArgument for one that was never given out. */
export function readToken(token: string): string {
  const name = Buffer.from(token, 'base64url').toString()
  if (name !== '' && tokenFrom(name) === token) return name
  throw invalidArgument('continuation-token', { message: 'The continuation token provided is incorrect' })
}
