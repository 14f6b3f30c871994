import type { PachydermApi } from '../../../lib/testing/index.js'
import type { Answer, Message, Step } from '../recording.js'
import { answerTo } from '../replay.js'

const idPattern = /\b[0-9a-f]{32}(?:\.[0-9a-f]{64})?\b/g
const symbolPattern = /<(?:commit|fileset):\d+>/g

/** Makes calls on a PFS and keeps them with their answers, each id as a symbol, so that they can be replayed. */
export class Recorder {
  readonly steps: Step[] = []
  readonly #client: PachydermApi
  readonly #symbols = new Map<string, string>()
  readonly #ids = new Map<string, string>()

  constructor(client: PachydermApi) {
    this.#client = client
  }

  /** Makes a call; symbols replace the ids in its requests and responses. */
  async call(method: string, ...requests: readonly Message[]): Promise<Answer> {
    const step = { step: this.steps.length + 1, method, requests }
    const answer = await answerTo(this.#client, { ...step, requests: this.#resolve(requests) }, {})
    const recorded = this.#symbolize(answer)
    this.steps.push({ ...step, ...recorded })
    return recorded
  }

  #resolve(requests: readonly Message[]): readonly Message[] {
    const text = JSON.stringify(requests)
    return JSON.parse(text.replace(symbolPattern, (symbol) => this.#ids.get(symbol) ?? symbol))
  }

  #symbolize(answer: Answer): Answer {
    return JSON.parse(JSON.stringify(answer).replace(idPattern, (id) => this.#symbolOf(id)))
  }

  #symbolOf(id: string): string {
    const known = this.#symbols.get(id)
    if (known !== undefined) return known
    const symbol = `<${id.includes('.') ? 'fileset' : 'commit'}:${this.#symbols.size + 1}>`
    this.#symbols.set(id, symbol)
    this.#ids.set(symbol, id)
    return symbol
  }
}
