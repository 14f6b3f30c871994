/**
 * pachd is killed with -9 and restarted under eight writers. A confirmed write is stored, an unconfirmed one is complete or
 * absent, a read is correct or fails, and the gateway recovers by itself. Needs a script that starts a separate pachd.
 */
import { EventEmitter, once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Repo } from '../../lib/index.js'
import { createPachydermClient } from '../../lib/testing/index.js'
import { type Answer, ask } from '../support/ask.js'
import { createRepoAndBranch } from '../support/branch.js'
import { deferred } from '../support/deferred.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { startPachd } from '../support/start-pachd.js'
import { xmlText } from '../support/wire.js'

const starter = process.env.PACHD_START
const repo: Repo = { project: 'default', name: 'killed', type: 'user' }
const writers = 8
const kills = 3
/** Answered writes between two kills, and after the last. */
const writesBetween = 40
const largeBytes = 3 * 1024 * 1024

const killed = suite('pachd is killed under load')

/** A separate pachd, so that no other test finds it killed. */
async function startVictim(script: string) {
  const pachd = await startPachd(script, 'off')
  const address = pachd.variables.PACHD ?? ''
  return {
    address,
    async killAndStart() {
      const pidFile = join(pachd.folder, 'off.pid')
      const closed = await connectTo(address)
      process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
      await closed.promise
      // The script starts none while it finds the old process, which may stay a zombie.
      rmSync(pidFile)
      await pachd.start()
    },
    stop: pachd.stop,
  }
}

/** Connects; the result settles when the kernel closes the connection, because the process at the other end has died. */
async function connectTo(address: string): Promise<{ readonly promise: Promise<void> }> {
  const { hostname, port } = new URL(address)
  const closed = deferred()
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  // It may be reset.
  socket.on('error', () => undefined).on('close', () => closed.resolve())
  socket.resume()
  return { promise: closed.promise }
}

/** The possible contents of a key: one, or two after an unconfirmed write; undefined means missing. */
type Possible = readonly (string | undefined)[]

class Writer {
  readonly possible = new Map<string, Possible>()
  readonly #port: number
  readonly #name: string
  #count = 0
  answered = 0

  constructor(port: number, name: string) {
    this.#port = port
    this.#name = name
  }

  /** Does the next of its operations, of each kind in turn. */
  async step(): Promise<void> {
    const count = this.#count++
    const key = `${this.#name}/${count % 5}`
    const content = `${this.#name} ${count} `
    switch (count % 6) {
      case 0:
        return this.#write(key, content, () => this.#ask('PUT', key, content))
      case 1: {
        const large = content.padEnd(largeBytes, 'x')
        return this.#write(key, large, () => this.#ask('PUT', key, large))
      }
      case 2:
        return this.#write(key, content, () => this.#upload(key, content))
      case 3:
        return this.#write(key, undefined, () => this.#ask('DELETE', key))
      case 4:
        return void (await this.read(key))
      default:
        return this.#list()
    }
  }

  /** Reads a key; false for a failure. The content must be one of the possible ones. */
  async read(key: string): Promise<boolean> {
    const possible = this.#at(key)
    const answer = await this.#ask('GET', key)
    if (answer.status >= 500 || !answer.isWhole) return false
    const found = answer.status === 200 ? answer.body.toString() : undefined
    if (found === undefined) assert.is(answer.status, 404)
    assert.ok(
      possible.includes(found),
      `${key} is ${found?.slice(0, 40)}, not ${possible.map((it) => it?.slice(0, 40))}`,
    )
    return true
  }

  #at(key: string): Possible {
    return this.possible.get(key) ?? [undefined]
  }

  async #write(key: string, content: string | undefined, work: () => Promise<Answer>): Promise<void> {
    const before = this.#at(key)
    this.possible.set(key, [...before, content])
    const answer = await work()
    if (!answer.isWhole || answer.status >= 300 || answer.body.includes('<Error>')) return
    this.possible.set(key, [content])
    this.answered += 1
  }

  async #upload(key: string, content: string): Promise<Answer> {
    const begun = await this.#ask('POST', `${key}?uploads`)
    if (begun.status !== 200) return begun
    const id = xmlText({ ...begun, headers: {}, body: begun.body.toString() }, 'UploadId')
    const part = await this.#ask('PUT', `${key}?partNumber=1&uploadId=${id}`, content)
    if (part.status !== 200) return part
    const element = `<Part><PartNumber>1</PartNumber><ETag>${String(part.headers.etag)}</ETag></Part>`
    const complete = `<CompleteMultipartUpload>${element}</CompleteMultipartUpload>`
    return this.#ask('POST', `${key}?uploadId=${id}`, complete)
  }

  async #list(): Promise<void> {
    const possible = new Map(this.possible)
    const answer = await this.#ask('GET', `?list-type=2&prefix=${this.#name}/`)
    if (answer.status !== 200 || !answer.isWhole) return
    const keys = [...answer.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key)
    for (const [key, contents] of possible) {
      if (!contents.includes(undefined)) assert.ok(keys.includes(key), `${key} is not listed`)
      if (contents.every((content) => content === undefined)) assert.not.ok(keys.includes(key), `${key} is listed`)
    }
  }

  #ask(method: string, target: string, body: string | Buffer = ''): Promise<Answer> {
    const path = target.startsWith('?') ? `/killed${target}` : `/killed/${target}`
    return ask(this.#port, method, path, body)
  }
}

async function writeUntilKilled(gateway: Gateway, pachd: Awaited<ReturnType<typeof startVictim>>): Promise<Writer[]> {
  const crowd = Array.from({ length: writers }, (_, index) => new Writer(gateway.port, `writer-${index}`))
  const answered = () => crowd.reduce((total, writer) => total + writer.answered, 0)
  const steps = new EventEmitter()
  let isOver = false
  const someAnswered = async (): Promise<void> => {
    const least = answered() + writesBetween
    while (!isOver && answered() < least) await once(steps, 'done')
  }
  const watch = async (): Promise<void> => {
    for (let kill = 0; kill < kills && !isOver; kill += 1) {
      await someAnswered()
      await pachd.killAndStart()
    }
    await someAnswered()
  }
  const untilOver = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } finally {
      isOver = true
      steps.emit('done')
    }
  }
  const write = (writer: Writer) => async (): Promise<void> => {
    while (!isOver) {
      await writer.step()
      steps.emit('done')
    }
  }
  await Promise.all([watch, ...crowd.map(write)].map(untilOver))
  return crowd
}

if (starter === undefined) {
  killed('is skipped: PACHD_START is not set to a script that starts a pachd', () => undefined)
} else {
  killed('a confirmed write is stored, an unconfirmed one is complete or absent', async () => {
    const pachd = await startVictim(starter)
    const pfs = createPachydermClient(pachd.address)
    const gateway = await startGateway({ pfs })
    try {
      await createRepoAndBranch(pfs, { repo, name: 'master' })
      const crowd = await writeUntilKilled(gateway, pachd)
      for (const writer of crowd) for (const key of writer.possible.keys()) assert.ok(await writer.read(key), key)
      // The branch stays writable: one more write, which every reader sees.
      const last = new Writer(gateway.port, 'last')
      await last.step()
      assert.is(last.answered, 1)
    } finally {
      await gateway.close()
      pfs.close()
      await pachd.stop()
    }
  })
}

killed.run()
