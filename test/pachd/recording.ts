import { readFileSync } from 'node:fs'
import { fileOf } from '../support/root.js'

/** A protobuf message in proto3's JSON: absent fields are defaults, 64 bit integers are strings, bytes base64. */
export interface Message {
  readonly [field: string]: Json | undefined
}

/** A value in such a message. */
export type Json = string | number | boolean | null | readonly Json[] | Message

/** One recorded call. Ids and hashes in it are symbols such as `<commit:1>`, times are `<time>`. */
export interface Step {
  readonly step: number
  readonly method: string
  readonly note?: string
  readonly requests?: readonly Message[]
  readonly responses?: readonly Message[]
  readonly error?: { readonly status: string; readonly message: string }
  /** null is no token; absent is the default one of the recording. */
  readonly token?: string | null
  /** Of a `GetFile` of which only the sizes were kept. */
  readonly offset?: number
  readonly messageSizes?: readonly number[]
}

/** The recordings by name; later ones see what earlier ones left. */
export const scenarios = [
  'repos',
  'files',
  'listing',
  'commits',
  'versions',
  'copies',
  'joins',
  'collisions',
  'big',
  'auth-inactive',
  'auth-active',
] as const

/** A recording of a real pachd, by the name of its file. */
export type Scenario = (typeof scenarios)[number]

/** The steps of a recording, in order. */
export function readRecording(scenario: Scenario): Step[] {
  const text = readFileSync(fileOf(`test/pachd/recordings/${scenario}.jsonl`), 'utf8')
  const [, ...steps] = text.trimEnd().split('\n')
  return steps.map((line) => JSON.parse(line) as Step)
}
