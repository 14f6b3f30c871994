import { createBLAKE2b } from 'hash-wasm'

/** From this size on, PFS hashes a file over chunks whose borders only it knows. */
export const chunkedHashBytes = 1_000_000

/** BLAKE2b-256 of the pieces of a content, one after the other. */
export type Blake2b = (pieces: Iterable<Uint8Array>) => Uint8Array

let loading: Promise<Blake2b> | undefined

/** BLAKE2b-256, once its WebAssembly is there; Node's own OpenSSL has only the 512 bits. */
export function loadBlake2b(): Promise<Blake2b> {
  loading ??= createBlake2b()
  return loading
}

/** The hash that PFS gives a file of fewer than `chunkedHashBytes` bytes. */
export async function smallFileHash(content: Uint8Array): Promise<Uint8Array> {
  const blake2b = await loadBlake2b()
  const once = blake2b([content])
  return content.length === 0 ? once : blake2b([once])
}

async function createBlake2b(): Promise<Blake2b> {
  const hasher = await createBLAKE2b(256)
  return (pieces) => {
    hasher.init()
    for (const piece of pieces) hasher.update(piece)
    return hasher.digest('binary')
  }
}
