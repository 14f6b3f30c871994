import type { Scenario } from './recording.js'

/** A recorded step that is not replayed, and why. */
export interface NotHeld {
  readonly scenario: Scenario
  readonly step: number
  readonly reason: string
  /** The only way in which it is not replayed; in none unless given. */
  readonly only?: 'over gRPC' | 'on a pachd'
}

/** The recorded steps that are not replayed. */
export const notHeld: readonly NotHeld[] = [
  { scenario: 'files', step: 25, reason: 'a negative offset reads what lies before the file, or ends pachd' },
  { scenario: 'files', step: 137, reason: 'a PfsClient cannot say it: it always sends set_commit first' },
  { scenario: 'files', step: 138, reason: 'a PfsClient cannot say it: it always sends set_commit first' },
  { scenario: 'big', step: 9, reason: 'a PfsClient cannot say it: it sends 21 MiB in messages of 1 MiB' },
  { scenario: 'repos', step: 22, reason: 'the codec has no word for an unknown type of repo', only: 'over gRPC' },
  {
    scenario: 'versions',
    step: 11,
    reason: 'the parent is refused while it is finishing, for a time',
    only: 'on a pachd',
  },
]
