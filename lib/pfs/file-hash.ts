import { createBLAKE2b } from 'hash-wasm'
import type { FileInfo } from './client.js'

/** From this size in bytes on, pachd hashes a file in chunks whose boundaries cannot be computed here. */
export const chunkedHashBytes = 1_000_000

/** The hash that PFS gives an empty file. */
export const emptyFileHash: Uint8Array = Buffer.from(
  '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8',
  'hex',
)

/** Computes the BLAKE2b-256 hash of consecutive chunks. */
export type Blake2b = (pieces: Iterable<Uint8Array>) => Uint8Array

let loading: Promise<Blake2b> | undefined

/** Loads BLAKE2b-256 from WebAssembly; Node's OpenSSL has only BLAKE2b-512. */
export function loadBlake2b(): Promise<Blake2b> {
  loading ??= createBlake2b()
  return loading
}

/** PFS's hash of a file smaller than `chunkedHashBytes`. */
export async function smallFileHash(content: Uint8Array): Promise<Uint8Array> {
  const blake2b = await loadBlake2b()
  const once = blake2b([content])
  return content.length === 0 ? once : blake2b([once])
}

/** Throws unless the content has the hash that PFS returned; the hash of a large file cannot be computed here. */
export async function requireHash(content: Uint8Array, { hash, file }: Pick<FileInfo, 'hash' | 'file'>): Promise<void> {
  if (content.length >= chunkedHashBytes || Buffer.compare(await smallFileHash(content), hash) === 0) return
  throw new Error(`the content of ${file.path} does not match its hash`)
}

async function createBlake2b(): Promise<Blake2b> {
  const hasher = await createBLAKE2b(256)
  return (pieces) => {
    hasher.init()
    for (const piece of pieces) hasher.update(piece)
    return hasher.digest('binary')
  }
}
