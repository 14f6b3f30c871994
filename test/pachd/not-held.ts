import type { NotHeld } from './replay.js'

/** The recorded steps that a PfsClient is not held to. */
export const notHeld: readonly NotHeld[] = [
  { scenario: 'files', step: 25, reason: 'an offset of -1 gives bytes of another file, an accident of pachd' },
  { scenario: 'files', step: 137, reason: 'a PfsClient always sends set_commit first' },
  { scenario: 'files', step: 138, reason: 'a PfsClient always sends set_commit first' },
  { scenario: 'big', step: 9, reason: "the size of one message is the transport's limit, with its own words" },
]
