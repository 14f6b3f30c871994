import { type CallOptions, type FileOperation, type FileOperations, fileSetRepo, PfsError } from '../../lib/index.js'
import type { PachydermApi } from '../../lib/testing/index.js'

type AnyCall = (...args: unknown[]) => unknown

function mapCalls(pfs: PachydermApi, map: (name: string, call: AnyCall) => AnyCall): PachydermApi {
  return Object.fromEntries(
    Object.entries(pfs).map(([name, call]) => [name, map(name, call)]),
  ) as unknown as PachydermApi
}

/** The same PFS; a call without a token has this one. */
export function withToken(pfs: PachydermApi, authToken: string): PachydermApi {
  return mapCalls(pfs, (name, call) => (...args) => {
    const index = { whoAmI: 0, listProject: 0, modifyFile: 2 }[name] ?? 1
    const withOptions = [...args]
    withOptions[index] = { authToken, ...(args[index] as CallOptions | undefined) }
    return call(...withOptions)
  })
}

/**
 * The same PFS, in which each project has `prefix` before its name and no other project is seen: so each test file has
 * PFS for itself on a pachd that it shares with others.
 */
export function withProjectPrefix(pfs: PachydermApi, prefix: string): PachydermApi {
  const add = (name: string): string => prefix + name
  const remove = (name: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name)
  const explain = (error: unknown): unknown => {
    if (!(error instanceof PfsError)) return error
    return new PfsError(error.status, error.message.replaceAll(prefix, ''), { cause: error })
  }

  async function* renamedStream(answer: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    try {
      for await (const item of answer) if (!isForeign(item, prefix)) yield renamed(item, remove)
    } catch (error) {
      throw explain(error)
    }
  }

  return mapCalls(pfs, (name, call) => (...args) => {
    const answer = call(...args.map((argument) => renamedArgument(name, argument, add)))
    if (!(answer instanceof Promise)) return renamedStream(answer as AsyncIterable<unknown>)
    return answer.then(
      (value: unknown) => renamed(value, remove),
      (error: unknown) => Promise.reject(explain(error)),
    )
  })
}

type Rename = (project: string) => string

function renamedArgument(name: string, argument: unknown, rename: Rename): unknown {
  if (name === 'inspectProject' && typeof argument === 'string') return rename(argument)
  if (typeof argument !== 'object' || argument === null || Array.isArray(argument)) return renamed(argument, rename)
  if (Symbol.asyncIterator in argument) return renamedOperations(argument as AsyncIterable<FileOperation>, rename)
  if (Symbol.iterator in argument) return renamed([...(argument as Iterable<FileOperation>)], rename)
  return renamed(argument, rename)
}

async function* renamedOperations(operations: AsyncIterable<FileOperation>, rename: Rename): FileOperations {
  for await (const operation of operations) yield renamed(operation, rename) as FileOperation
}

/** A value whose plain objects name other projects; bytes, dates and signals stay as they are. */
function renamed(value: unknown, rename: Rename): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename))
  if (!isPlain(value) || value.name === fileSetRepo.name) return value
  const entries = Object.entries(value).map(([name, field]) => [name, renamed(field, rename)])
  const copy = Object.fromEntries(entries) as Record<string, unknown>
  if (typeof value.project === 'string') copy.project = rename(value.project)
  if (Array.isArray(value.projects)) copy.projects = value.projects.map((project) => rename(String(project)))
  const isResource = value.type === 'REPO' || value.type === 'PROJECT'
  const isProjectInfo = 'createdAt' in value && typeof value.name === 'string'
  if (isResource || isProjectInfo) copy.name = rename(String(value.name))
  return copy
}

/** Whether a repo or project of a listing is another test's. */
function isForeign(item: unknown, prefix: string): boolean {
  if (!isPlain(item)) return false
  const project = isPlain(item.repo) ? item.repo.project : item.name
  return typeof project === 'string' && !project.startsWith(prefix)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
