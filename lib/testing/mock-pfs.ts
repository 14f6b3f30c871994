import { type CallKind, callKinds, type PachydermApi } from './pachyderm-api.js'

/**
 * A PFS of the calls that a test gives, to see how code behaves when PFS answers just so. Every other call fails with an
 * error that names it, so a test notices a call that it did not expect.
 *
 * @example
 * ```ts
 * const pfs = mockPfs({ inspectFile: async (file) => { throw pfsError.missing('file', file.path) } })
 * const fetch = createS3Fetch(createS3Handler(pfs, { mode: 'none' }))
 * assert.equal((await fetch('/master.images/a.txt', { method: 'HEAD' })).status, 404)
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
