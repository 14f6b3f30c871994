import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
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
  /** null sends no token; undefined sends the default token of the recording. */
  readonly token?: string | null
  /** For a `GetFile` of which only sizes were kept. */
  readonly offset?: number
  readonly messageSizes?: readonly number[]
}

/** The result of a call: an error may follow some responses. */
export interface Answer {
  readonly responses: readonly Message[]
  readonly error?: { readonly status: string; readonly message: string }
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
  'long-paths',
  'markers',
  'markers-in-directories',
  'open-commits',
  'composed-twice',
  'datums',
  'unknown-commits',
  'auth-inactive',
  'auth-active',
  'auth-missing-repo',
  'auth-file-sets',
] as const

/** A recording of a real pachd, by the name of its file. */
export type Scenario = (typeof scenarios)[number]

/** Whether a recording was made with auth active. */
export function isWithAuth(scenario: Scenario): boolean {
  return scenario.startsWith('auth-') && scenario !== 'auth-inactive'
}

/** The steps of a recording, in order. Long paths, repeated many times, are kept compressed: 6 KB instead of 979. */
export function readRecording(scenario: Scenario): Step[] {
  const plain = fileOf(`test/pachd/recordings/${scenario}.jsonl`)
  const bytes = existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(new URL(`${plain}.gz`)))
  const [, ...steps] = bytes.toString().trimEnd().split('\n')
  return steps.map((line) => JSON.parse(line) as Step)
}
