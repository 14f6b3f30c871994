import type { CallOptions, Commit, PfsClient } from './client.js'
import { type Missing, PfsError } from './errors.js'
import { isIterable, observeCall } from './observed-call.js'

/** The entity that a NOT_FOUND of each call is about, unless its text names another. */
const subjects: { readonly [Name in keyof PfsClient]: (...args: Parameters<PfsClient[Name]>) => Missing | undefined } =
  {
    inspectProject: () => 'project',

    createRepo: () => 'project',
    inspectRepo: () => 'repo',
    listRepo: () => 'project',
    deleteRepo: () => 'repo',

    createBranch: ({ head }) => (head === undefined ? 'repo' : 'commit'),
    inspectBranch: () => 'branch',
    listBranch: () => 'repo',
    deleteBranch: () => 'branch',

    inspectCommit: ({ commit }) => subjectOf(commit),
    listCommit: ({ from, to }) => (from?.id === undefined && to?.id === undefined ? 'branch' : 'commit'),

    modifyFile: (commit) => subjectOf(commit),
    getFile: () => 'file',
    getFileTar: () => 'file',
    inspectFile: () => 'file',
    // A missing path is not an error for this call: it returns an empty list.
    listFile: ({ file }) => subjectOf(file.commit),
    walkFile: ({ file }) => (file.path === '/' ? subjectOf(file.commit) : 'file'),
    globFile: ({ commit }) => subjectOf(commit),
    diffFile: ({ newFile }) => subjectOf(newFile.commit),

    createFileSet: () => undefined,
    addFileSet: ({ commit }) => subjectOf(commit),
    composeFileSet: () => undefined,

    whoAmI: () => undefined,
  }

function subjectOf({ id }: Commit): Missing {
  return id === undefined ? 'branch' : 'commit'
}

/**
 * Wraps a PfsClient: observes its calls (see `observeCall`), and attaches the failed call to NOT_FOUND and UNAUTHENTICATED
 * errors. Their text may be unknown or lost in transit: Node drops a trailing space of an HTTP/2 header, and grpc-js then
 * drops the whole text.
 */
export function withErrorContext(pfs: PfsClient): PfsClient {
  const calls = Object.entries(subjects).map(([name, subject]) => [name, callWithContext(pfs, name, subject)])
  return Object.fromEntries(calls) as PfsClient
}

type AnyCall = (...args: unknown[]) => unknown
type SubjectOf = (...args: never[]) => Missing | undefined

function callWithContext(pfs: PfsClient, name: string, subject: SubjectOf): AnyCall {
  return (...args) => {
    const explain = (error: unknown): unknown => explained(error, (subject as AnyCall)(...args) as Missing, args.at(-1))
    const call = (pfs as unknown as Readonly<Record<string, AnyCall | undefined>>)[name]
    if (call === undefined) throw new TypeError(`the PfsClient has no ${name}`)
    const options = (args.at(-1) ?? {}) as CallOptions
    const answer = observeCall(name, options, () => call.apply(pfs, args))
    if (isIterable(answer)) return explainedStream(answer, explain)
    return Promise.resolve(answer).catch((error: unknown) => {
      throw explain(error)
    })
  }
}

function explained(error: unknown, subject: Missing | undefined, options: unknown): unknown {
  if (!(error instanceof PfsError)) return error
  if (error.status !== 'NOT_FOUND' && error.status !== 'UNAUTHENTICATED') return error
  const hasToken = Boolean((options as CallOptions | undefined)?.authToken)
  return new PfsError(error.status, error.message, { cause: error, call: { subject, hasToken } })
}

async function* explainedStream(
  answer: AsyncIterable<unknown>,
  explain: (error: unknown) => unknown,
): AsyncGenerator<unknown> {
  try {
    yield* answer
  } catch (error) {
    throw explain(error)
  }
}
