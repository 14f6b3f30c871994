import type { Commit, File, Repo } from '../../../lib/pfs/client.js'
import type { PfsClientOptions } from '../../../lib/pfs/grpc/client.js'
import type { PachydermApi } from '../../../lib/testing/index.js'
import { createPachydermClient, type PachydermClient, servePfs } from '../../../lib/testing/index.js'

export const repo: Repo = { project: 'default', name: 'images', type: 'user' }
export const head: Commit = { repo, branch: 'master' }
export const file: File = { commit: head, path: '/a.txt' }

/** A PFS of only the methods that a test needs. */
export function stubPfs(methods: Partial<PachydermApi>): PachydermApi {
  return methods as PachydermApi
}

/** Runs `test` with a client of a server of `methods`, then ends both. */
export async function served(
  methods: Partial<PachydermApi>,
  test: (pfs: PachydermClient, address: string) => Promise<void>,
  options?: PfsClientOptions,
): Promise<void> {
  const server = await servePfs(stubPfs(methods), '127.0.0.1:0')
  const pfs = createPachydermClient(server.address, options)
  try {
    await test(pfs, server.address)
  } finally {
    pfs.close()
    await server.close({ force: true })
  }
}

/** The error of a promise that must reject. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { status?: string }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error(`not an Error: ${String(error)}`)
  }
  throw new Error('it did not fail')
}

/** Everything that an iterable yields. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const value of values) collected.push(value)
  return collected
}
