import type { CallOptions, Commit, PfsClient } from '../../lib/pfs/client.js'
import { maxRawBytes } from '../../lib/pfs/client.js'
import { PfsError } from '../../lib/pfs/errors.js'
import { calls } from './calls.js'
import { commitFromMessage, message, text } from './messages.js'
import { type Message, readRecording, type Scenario, type Step } from './recording.js'
import { difference, Symbols } from './symbols.js'

/** A recorded step that a PFS is not held to, and why. */
export interface NotHeld {
  readonly scenario: Scenario
  readonly step: number
  readonly reason: string
}

/** What is replayed, and through what. */
export interface Replay {
  readonly client: PfsClient
  readonly scenario: Scenario
  /** The token of calls that were recorded with the default one. */
  readonly token?: string
  readonly skip: readonly NotHeld[]
}

interface Answer {
  readonly responses: readonly Message[]
  readonly error?: { readonly status: string; readonly message: string }
}

/**
 * Makes the calls of a recording again and tells each step that is answered otherwise: by status, message, files and
 * order, ids and hashes compared by where they appear again. A step in `skip` that does hold is told as well.
 */
export async function replay({ client, scenario, token, skip }: Replay): Promise<string[]> {
  const symbols = new Symbols()
  const failures: string[] = []
  for (const step of readRecording(scenario)) {
    const requests = symbols.resolve(step.requests ?? [])
    const authToken = step.token === undefined ? token : step.token && symbols.resolveText(step.token)
    const options = authToken ? { authToken } : {}
    await prepare(client, scenario, step, requests, options)
    const failure = compare(step, await answer(client, step, requests, options), symbols)
    const skipped = skip.find((each) => each.scenario === scenario && each.step === step.step)
    const name = `${scenario} ${step.step} ${step.method}${step.note ? ` (${step.note})` : ''}`
    if (failure && !skipped) failures.push(`${name}: ${failure}`)
    if (!failure && skipped) failures.push(`${name} holds, though skipped: ${skipped.reason}`)
  }
  return failures
}

/** What was done between the recorded calls. */
async function prepare(
  client: PfsClient,
  scenario: Scenario,
  step: Step,
  requests: readonly Message[],
  options: CallOptions,
): Promise<void> {
  if (scenario === 'big' && step.step === 3) return client.modifyFile(bigFile.commit, bigFileOperations(), options)
  // A directory can be deleted when the commit below the head is finished; where pachd did it, it had had the time.
  const deletesDirectory = requests.some(({ deleteFile }) => text(message(deleteFile).path).endsWith('/'))
  if (!deletesDirectory || step.error) return
  await client.inspectCommit({ commit: commitFromMessage(message(requests[0]?.setCommit)), wait: 'FINISHED' }, options)
}

async function answer(
  client: PfsClient,
  step: Step,
  requests: readonly Message[],
  options: CallOptions,
): Promise<Answer> {
  const responses: Message[] = []
  try {
    const call = step.requests ? calls[step.method] : bigFileCall(step)
    if (!call) throw new Error(`no call for ${step.method}`)
    const answered = call(client, requests[0] ?? {}, options, requests)
    if (Symbol.asyncIterator in answered) for await (const response of answered) responses.push(response)
    else responses.push(await answered)
    return { responses }
  } catch (error) {
    if (error instanceof PfsError) return { responses, error: { status: error.status, message: error.message } }
    return { responses, error: { status: 'thrown', message: String(error) } }
  }
}

function compare(step: Step, answered: Answer, symbols: Symbols): string | undefined {
  const recordedError = step.error && { status: step.error.status, message: step.error.message }
  return (
    difference(recordedError && { ...recordedError }, answered.error && { ...answered.error }, symbols, 'error') ??
    difference(recordedResponses(step), answered.responses, symbols, 'responses')
  )
}

function recordedResponses({ responses = [], messageSizes }: Step): readonly Message[] {
  return messageSizes ? [{ size: messageSizes.reduce((sum, size) => sum + size, 0) }] : responses
}

const repo = { project: 'default', name: 'big', type: 'user' } as const
const bigFile: { commit: Commit; path: string; size: number } = {
  commit: { repo, branch: 'master' },
  path: '/big',
  size: 12_000_000,
}

function* bigFileOperations() {
  for (let start = 0; start < bigFile.size; start += maxRawBytes) {
    const raw = Buffer.alloc(Math.min(maxRawBytes, bigFile.size - start), start / maxRawBytes)
    yield { addFile: { path: bigFile.path, raw } }
  }
}

/** Of the large file's calls only the sizes were recorded. */
function bigFileCall({ messageSizes, offset = 0 }: Step): (typeof calls)[string] | undefined {
  if (!messageSizes) return undefined
  return async (client, _, options) => {
    let size = 0
    for await (const chunk of client.getFile({ file: bigFile, offset }, options)) size += chunk.length
    return { size }
  }
}
