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

/** The call that failed; an error's text may be lost or worded anew, its call is certain. */
export interface FailedCall {
  /** The thing that a NOT_FOUND of this call is about unless its text names another; undefined if nothing is likely. */
  readonly subject: Missing | undefined
  /** Whether a token was sent. */
  readonly hasToken: boolean
}

/** Options of a PfsError. */
export interface PfsErrorOptions extends ErrorOptions {
  /** Filled in by the gateway for every error that a PfsClient throws. */
  readonly call?: FailedCall
}

/**
 * A refusal of PFS. `message` is pachd's own text. Its codes are coarse (most refusals are UNKNOWN), so `status` is
 * looked at first, then the call that failed, and the text, which only this file reads, refines both.
 */
export class PfsError extends Error {
  override readonly name = 'PfsError'
  readonly status: PfsStatus
  readonly call: FailedCall | undefined

  constructor(status: PfsStatus, message: string, options: PfsErrorOptions = {}) {
    super(message, options)
    this.status = status
    this.call = options.call
  }

  /**
   * The missing thing, by the text or else by the call; undefined if nothing is missing, or nobody can tell what. With
   * auth active, pachd reports a missing repo or project to callers without a cluster role as one without role bindings.
   */
  get missing(): Missing | undefined {
    const withoutBinding = /no role binding exists for (REPO|PROJECT) \S+$/.exec(this.message)
    if (withoutBinding !== null) return withoutBinding[1] === 'REPO' ? 'repo' : 'project'
    if (/commit \S+ was deleted$/.test(this.message)) return 'commit'
    // `master^9` of a branch with fewer commits.
    if (/invalid offset for ancestor of commit/.test(this.message)) return 'branch'
    if (this.status !== 'NOT_FOUND') return undefined
    return missingTexts.find(([, pattern]) => pattern.test(this.message))?.[0] ?? this.call?.subject
  }

  /** What was refused, where the code does not tell; undefined for what the gateway has no word for. */
  get refusal(): Refusal | undefined {
    if (this.status === 'UNAUTHENTICATED' && this.call?.hasToken === false) return 'no-token'
    return refusals.find(([, pattern]) => pattern.test(this.message))?.[0]
  }

  /** Whether the caller's token was refused, or missing. */
  get isOfToken(): boolean {
    return this.status === 'UNAUTHENTICATED' || this.refusal === 'expired-token'
  }

  /** Whether the call was answered, so that what it asked for has certainly not been done. */
  get isDefinite(): boolean {
    return !indefinite.has(this.status) || this.refusal === 'expired-token'
  }
}

/**
 * What pachd writes of missing things, the first that fits. A path, the only text of a client's choice here, stands in the
 * first two alone; an unknown commit id is reported as a missing branch below a line that names the id.
 */
const missingTexts: readonly (readonly [Missing, RegExp])[] = [
  ['file', /^(get file: )?file .* not found in repo/],
  ['file', /does not contain item/],
  ['project', /\bproject "?[^"\s]+"? not found/],
  ['repo', /(^|[\s:])repo (\(.*\)|\S+) not found/],
  ['commit', /commit \S+@[^\s@]+ not found/],
  ['branch', /branch (".*"|\(.*\)) not found/],
]

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
  | 'expired-token'
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
  | 'rolled-back'

const refusals: readonly (readonly [Refusal, RegExp])[] = [
  ['auth-inactive', /auth service is not activated/],
  ['no-token', /no authentication token/],
  // pachd says this with the status INTERNAL, from every call.
  ['expired-token', /token expiration is in the past/],
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
  ['rolled-back', /unexpectedly resulted in rollback/],
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
