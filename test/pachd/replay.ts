import type { CallOptions, File } from '../../lib/pfs/client.js'
import { PfsError } from '../../lib/pfs/errors.js'
import type { PachydermApi } from '../../lib/testing/index.js'
import { bigFileIn, readBigFile, writeBigFile } from './big-file.js'
import { calls } from './calls.js'
import { commitFromMessage, message, text } from './messages.js'
import { notHeld } from './not-held.js'
import { type Answer, type Message, readRecording, type Scenario, type Step } from './recording.js'
import { RunProjects } from './run-projects.js'
import { difference, Symbols } from './symbols.js'

/** The PFS that a recording is replayed on. */
export interface Target {
  readonly client: PachydermApi
  /** The token of the cluster's root. */
  readonly token?: string
  /** Where the recorded projects lie; under their own names unless given. */
  readonly projects?: RunProjects
  /** Node's HTTP/2 drops a status message that ends in a space: the client sees none. */
  readonly overGrpc?: boolean
  /** A pachd takes its own time to finish commits. */
  readonly isPachd?: boolean
}

type Before = (step: Step, requests: readonly Message[], options: CallOptions) => Promise<void>

/** Settings that a recording does not contain. */
interface Between {
  readonly bigFile?: File | undefined
  /** Called before each step is made. */
  readonly before?: Before
}

/** The root's token in the recordings. */
const recordedRootToken = 'iamroot'

/** Replays a recording but for the steps of `notHeld`; says of each step that is answered otherwise what differs. */
export async function replay(scenario: Scenario, target: Target): Promise<string[]> {
  const steps = readRecording(scenario).filter(({ step }) => {
    const found = notHeld.find((each) => each.scenario === scenario && each.step === step)
    if (found?.only === 'over gRPC') return !target.overGrpc
    return found?.only === 'on a pachd' ? !target.isPachd : !found
  })
  const bigFile = scenario === 'big' ? bigFileIn(target.projects ?? new RunProjects()) : undefined
  const failures: string[] = []
  const before: Before = async (step, requests, options) => {
    if (bigFile && step.step === 3) await writeBigFile(target.client, bigFile, options)
    await untilDirectoryIsDeletable(target.client, step, requests, options)
  }
  for await (const [{ step, method, note }, failure] of replaySteps(steps, { ...target, bigFile, before })) {
    if (failure) failures.push(`${scenario} ${step} ${method}${note ? ` (${note})` : ''}: ${failure}`)
  }
  return failures
}

/**
 * Makes the calls of the steps in order and gives each step with what differs in its answer, undefined if nothing does:
 * status, message, files and order, ids and hashes compared by where they appear again.
 */
export async function* replaySteps(
  steps: readonly Step[],
  target: Target & Between,
): AsyncGenerator<[Step, string | undefined]> {
  const { client, token, projects = new RunProjects(), bigFile, before } = target
  const symbols = new Symbols()
  for (const step of steps) {
    const isRoot = step.token === undefined || step.token === recordedRootToken
    const authToken = isRoot ? token : step.token && symbols.resolveText(step.token)
    const options = authToken ? { authToken } : {}
    const requests = projects.enter(symbols.resolve(step.requests ?? []))
    await before?.(step, requests, options)
    const answered = projects.leave(step.method, await answerTo(client, { ...step, requests }, options, bigFile))
    yield [step, compare(step, answered, symbols, target)]
  }
}

/**
 * Makes the call of a step, its requests as they are. Makes it again, `tries` times in all, when pachd rolls it back
 * because its database is busy: such a call has changed nothing.
 */
export async function answerTo(
  client: PachydermApi,
  step: Step,
  options: CallOptions,
  bigFile?: File,
  tries = 5,
): Promise<Answer> {
  const responses: Message[] = []
  const { method, requests = [] } = step
  try {
    if (bigFile && step.messageSizes) return { responses: [await readBigFile(client, bigFile, step, options)] }
    const call = calls[method]
    if (!call) throw new Error(`no call for ${method}`)
    const answered = call(client, requests[0] ?? {}, options, requests)
    if (Symbol.asyncIterator in answered) for await (const response of answered) responses.push(response)
    else responses.push(await answered)
    return { responses }
  } catch (error) {
    const isRolledBack = error instanceof PfsError && error.refusal === 'rolled-back'
    if (isRolledBack && tries > 1) return answerTo(client, step, options, bigFile, tries - 1)
    if (error instanceof PfsError) return { responses, error: { status: error.status, message: error.message } }
    return { responses, error: { status: 'thrown', message: String(error) } }
  }
}

/** A directory can be deleted after the commit below the head is finished, as it was during the recording. */
async function untilDirectoryIsDeletable(
  client: PachydermApi,
  { error }: Step,
  requests: readonly Message[],
  options: CallOptions,
): Promise<void> {
  if (error || !requests.some(({ deleteFile }) => text(message(deleteFile).path).endsWith('/'))) return
  await client.inspectCommit({ commit: commitFromMessage(message(requests[0]?.setCommit)), wait: 'FINISHED' }, options)
}

function compare(
  step: Step,
  answered: Answer,
  symbols: Symbols,
  { overGrpc = false, isPachd = false }: Target,
): string | undefined {
  const { status = '', message: words = '' } = step.error ?? {}
  const error = step.error && { status, message: overGrpc && words.endsWith(' ') ? '' : words }
  const answeredError = answered.error && { ...answered.error, message: withoutStack(answered.error.message) }
  const got = comparable(step, answered.responses)
  const recorded = comparable(step, recordedResponses(step))
  // When an error arrives, gRPC drops the messages before it that the caller has not read yet.
  const wanted = overGrpc && error ? recorded.slice(0, got.length) : recorded
  return (
    difference(error, answeredError, symbols, 'error') ??
    difference(isPachd ? untimed(wanted, got) : wanted, isPachd ? untimed(got, wanted) : got, symbols, 'responses')
  )
}

/** Whether a commit is finished yet is a matter of time if nothing waits for it: without what only one of two shows. */
function untimed(responses: readonly Message[], others: readonly Message[]): readonly Message[] {
  return responses.map((response, i) => {
    const isAlike = 'finished' in response === 'finished' in (others[i] ?? {})
    if (!response.finishing || isAlike) return response
    const { finished, details, error, sizeBytesUpperBound, ...always } = response
    return always
  })
}

/** A panic of pachd is answered with its stack. */
function withoutStack(words: string): string {
  return words.startsWith('panic:') ? words.slice(0, words.indexOf('\n') >>> 0) : words
}

/** How the bytes of a file are cut into messages is the server's affair: they are compared as one. */
function recordedResponses({ method, responses = [], messageSizes }: Step): readonly Message[] {
  if (messageSizes) return [{ size: messageSizes.reduce((sum, size) => sum + size, 0) }]
  if (method !== 'GetFile' || responses.length < 2) return responses
  return [{ value: Buffer.concat(responses.map(({ value }) => Buffer.from(text(value), 'base64'))).toString('base64') }]
}

/** The types of one repo come in no order that pachd keeps; how far a DiffFile that fails has come is left to chance. */
function comparable({ method, error }: Step, responses: readonly Message[]): readonly Message[] {
  if (method === 'DiffFile' && error) return []
  if (method !== 'ListRepo') return responses
  const nameOf = ({ repo }: Message) => JSON.stringify([message(repo).project, message(repo).name])
  const typeOf = ({ repo }: Message) => text(message(repo).type)
  const names = responses.map(nameOf)
  return [...responses].sort(
    (a, b) => names.indexOf(nameOf(a)) - names.indexOf(nameOf(b)) || (typeOf(a) < typeOf(b) ? -1 : 1),
  )
}
