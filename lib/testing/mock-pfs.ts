import { type CallKind, callKinds, type PachydermApi } from './pachyderm-api.js'

/**
 * A PFS of the calls that a test gives, to see how code behaves when PFS answers just so. Every other call fails with an
 * error that names it, so a test notices a call that it did not expect.
 *
 * @example
 * ```ts
 * const pfs = mockPfs({ inspectRepo: async () => { throw pfsError.missing('repo', 'default/images') } })
 * assert.equal(await hasImages(pfs), false) // of the code under test
 * ```
 */
export function mockPfs(calls: Partial<PachydermApi>): PachydermApi {
  const refusing = Object.entries(callKinds).map(([name, kind]) => [name, refusingCall(name, kind)])
  return { ...(Object.fromEntries(refusing) as unknown as PachydermApi), ...calls }
}

function refusingCall(name: string, kind: CallKind): () => unknown {
  const refuse = async (): Promise<never> => {
    throw new Error(`mockPfs: ${name} was called, but the test gave no ${name}`)
  }
  if (kind === 'unary') return refuse
  return async function* () {
    yield await refuse()
  }
}
