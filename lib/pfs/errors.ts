/** The gRPC status names that PFS answers with, and their numbers (grpc.io, "Status codes"). */
export const pfsStatusCodes = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

/** The name of a gRPC status but OK. */
export type PfsStatus = keyof typeof pfsStatusCodes

/** What a NOT_FOUND was about. */
export type Missing = 'project' | 'repo' | 'branch' | 'commit' | 'file'

/**
 * A refusal of PFS. `message` is pachd's own text; its codes are coarse (most refusals are UNKNOWN), so `status` is
 * looked at first and then the text, which only this file reads.
 */
export class PfsError extends Error {
  override readonly name = 'PfsError'
  readonly status: PfsStatus

  constructor(status: PfsStatus, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }

  /**
   * What is not there; pachd names it in the last line of a NOT_FOUND. Where auth is active, who has no role on the
   * cluster is told of a missing repo that nobody has a role on it.
   */
  get missing(): Missing | undefined {
    if (/no role binding exists for REPO \S+$/.test(this.message)) return 'repo'
    if (/commit \S+ was deleted$/.test(this.message)) return 'commit'
    if (this.status !== 'NOT_FOUND') return undefined
    const lastLine = this.message.slice(this.message.lastIndexOf('\n') + 1)
    if (/does not contain item|^(get file: )?file .* not found in/.test(lastLine)) return 'file'
    if (/branch "[^"]*" not found|branch \(id=/.test(lastLine)) {
      // An unknown commit id is answered about a branch; the line before names the id.
      return /commit \S+@[^\s@]+ not found\n/.test(this.message) ? 'commit' : 'branch'
    }
    if (/(^|: )project \S+ not found$/.test(lastLine)) return 'project'
    if (/repo/.test(lastLine)) return 'repo'
    return 'commit'
  }

  /** What was refused, where the code does not tell; undefined for what the gateway has no word for. */
  get refusal(): Refusal | undefined {
    return refusals.find(([, pattern]) => pattern.test(this.message))?.[0]
  }

  /** Whether the call was answered, so that what it asked for has certainly not been done. */
  get isDefinite(): boolean {
    return !indefinite.has(this.status)
  }
}

/** Whether PFS refused a call because something is not there: `what`, or anything where that is absent. */
export function isMissing(error: unknown, what?: Missing): boolean {
  if (!(error instanceof PfsError) || error.missing === undefined) return false
  return what === undefined || error.missing === what
}

/** What a call answers; undefined where `what` (anything, where that is absent) is not there. */
export async function unlessMissing<Answer>(call: Promise<Answer>, what?: Missing): Promise<Answer | undefined> {
  try {
    return await call
  } catch (error) {
    if (isMissing(error, what)) return undefined
    throw error
  }
}

/** What a refusal with a coarse code was about. */
export type Refusal =
  | 'auth-inactive'
  | 'no-token'
  | 'output-branch'
  | 'name'
  | 'path'
  | 'not-a-file'
  | 'collision'
  | 'finished'
  | 'unfinished-parent'
  | 'open-parent'
  | 'provenance'
  | 'pipeline'
  | 'forgotten'

const refusals: readonly (readonly [Refusal, RegExp])[] = [
  ['auth-inactive', /auth service is not activated/],
  ['no-token', /no authentication token/],
  ['output-branch', /commit on an output branch|cannot finish a pipeline output or meta commit/],
  ['name', /name \(.*\) invalid|branch name cannot be a UUID/s],
  ['path', /path \(.*\) invalid/s],
  ['not-a-file', /cannot get directory or non-regular file/],
  ['collision', /file \/ directory path collision|duplicate path output by different datums/],
  ['unfinished-parent', /base commit .* unfinished/],
  ['finished', /has already finished/],
  ['open-parent', /parent commit .* has not been finished/],
  [
    'provenance',
    /in the direct provenance of|because it (is triggered by|triggers) branches|cannot participate in a DAG/,
  ],
  ['pipeline', /cannot delete a repo associated with a pipeline/],
  ['forgotten', /commit is forgotten|cannot be a forgotten commit/],
]

const indefinite: ReadonlySet<PfsStatus> = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE'])

/** A write refused before it was sent: pachd would take it and lose it, a file and a directory of one name. */
export class PathCollision extends Error {
  override readonly name = 'PathCollision'
  /** Both absolute; the one that is there already, or that a neighbour writes. */
  readonly path: string
  readonly other: string

  constructor(path: string, other: string) {
    super(`${path} and ${other} cannot both be in PFS: one is a file where the other needs a directory`)
    this.path = path
    this.other = other
  }
}
