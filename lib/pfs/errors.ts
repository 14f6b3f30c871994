/** The gRPC status codes by name. @see https://grpc.io/docs/guides/status-codes/ */
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

/** The name of a gRPC status other than OK. */
export type PfsStatus = keyof typeof pfsStatusCodes

/** The kind of entity that is missing. */
export type Missing = 'project' | 'repo' | 'branch' | 'commit' | 'file'

/** The call that failed. Unlike the text of an error, it is always known. */
export interface FailedCall {
  /** The entity that a NOT_FOUND of this call is about, unless its text names another; undefined if unclear. */
  readonly subject: Missing | undefined
  /** Whether a token was sent. */
  readonly hasToken: boolean
}

/** Options of a PfsError. */
export interface PfsErrorOptions extends ErrorOptions {
  /** Set by the gateway for every error of a PfsClient. */
  readonly call?: FailedCall
}

/**
 * An error from PFS. `message` is pachd's own text. pachd's codes are coarse (most refusals are UNKNOWN), so the error is
 * classified by `status`, then by the failed call, then by the text. Only this file parses that text.
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
   * The missing entity, from the text or else from the call; undefined if nothing is missing or it is unclear what. With
   * auth active, pachd reports a missing repo or project to callers without a cluster role as "no role binding exists for …".
   */
  get missing(): Missing | undefined {
    const withoutBinding = /no role binding exists for (REPO|PROJECT) \S+$/.exec(this.message)
    if (withoutBinding !== null) return withoutBinding[1] === 'REPO' ? 'repo' : 'project'
    if (/commit \S+ was deleted$/.test(this.message)) return 'commit'
    // `master^9` on a branch with fewer commits.
    if (/invalid offset for ancestor of commit/.test(this.message)) return 'branch'
    if (this.status !== 'NOT_FOUND') return undefined
    return missingTexts.find(([, pattern]) => pattern.test(this.message))?.[0] ?? this.call?.subject
  }

  /** The reason of a refusal with a coarse code; undefined if the gateway has no name for it. */
  get refusal(): Refusal | undefined {
    if (this.status === 'UNAUTHENTICATED' && this.call?.hasToken === false) return 'no-token'
    return refusals.find(([, pattern]) => pattern.test(this.message))?.[0]
  }

  /** Whether the caller's token was refused or missing. */
  get isOfToken(): boolean {
    return this.status === 'UNAUTHENTICATED' || this.refusal === 'expired-token'
  }

  /** Whether PFS has responded, so that the call certainly had no effect. */
  get isDefinite(): boolean {
    return !indefinite.has(this.status) || this.refusal === 'expired-token'
  }
}

/**
 * pachd's texts for missing entities; the first match counts. Clients can choose only the path, which is in the first two.
 * pachd reports an unknown commit id as a missing branch, below a line that contains the id.
 */
const missingTexts: readonly (readonly [Missing, RegExp])[] = [
  ['file', /^(get file: )?file .* not found in repo/],
  ['file', /does not contain item/],
  ['project', /\bproject "?[^"\s]+"? not found/],
  ['repo', /(^|[\s:])repo (\(.*\)|\S+) not found/],
  ['commit', /commit \S+@[^\s@]+ not found/],
  ['branch', /branch (".*"|\(.*\)) not found/],
]

/** Whether a call failed because `what` is missing; without `what`, because anything is missing. */
export function isMissing(error: unknown, what?: Missing): boolean {
  if (!(error instanceof PfsError) || error.missing === undefined) return false
  return what === undefined || error.missing === what
}

/** The result of a call; undefined if `what` is missing; without `what`, if anything is missing. */
export async function unlessMissing<Answer>(call: Promise<Answer>, what?: Missing): Promise<Answer | undefined> {
  try {
    return await call
  } catch (error) {
    if (isMissing(error, what)) return undefined
    throw error
  }
}

/** The reason of a refusal with a coarse code. */
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
  // pachd sends this from every call, with the status INTERNAL.
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
  ['rolled-back', /unexpectedly resulted in rollback|current transaction is aborted/],
]

const indefinite: ReadonlySet<PfsStatus> = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE'])

/** A write that was refused before sending: PFS would accept it and lose a file and a directory of the same name. */
export class PathCollision extends Error {
  override readonly name = 'PathCollision'
  /** Absolute paths; `other` exists already, or is being written by another request. */
  readonly path: string
  readonly other: string

  constructor(path: string, other: string) {
    super(`PFS cannot store both ${path} and ${other}: one is a file where the other needs a directory`)
    this.path = path
    this.other = other
  }
}
