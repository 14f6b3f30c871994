import cluster, { type Worker } from 'node:cluster'
import { setTimeout } from 'node:timers/promises'
import { startAdmin } from './admin.js'
import type { Arguments } from './arguments.js'
import { Fault, lineFrom, PrintedFault } from './fault.js'
import { pachdAddress } from './pfs.js'
import type { ProgramLog } from './program-log.js'
import { type RunningGateway, serve } from './serve.js'
import type { Welcome } from './welcome.js'

/** A message from the primary process to a worker. */
type Order = 'stop' | 'reload'

/** A message from a worker to the primary process. */
type News = { readonly welcome: Welcome } | { readonly isReached: boolean }

/** The environment variable with the index of a worker. */
const indexVariable = 'GATEWAY_WORKER'

/** Delay before a crashed worker is replaced, in milliseconds. */
const restartMilliseconds = 1000

/**
 * Starts `--workers` processes that share the port, and replaces crashed ones. The primary process serves `--admin` for
 * all of them.
 */
export async function runWorkers(args: Arguments, log: ProgramLog, version: string): Promise<RunningGateway> {
  if (args.memory || pachdAddress(args, process.env) === undefined) {
    throw new Fault('--workers needs a pachd: each worker would have a separate PFS in memory')
  }
  /** When each worker will have ended, and how. */
  const running = new Map<Worker, Promise<Fault>>()
  const reached = new Map<Worker, boolean>()
  const listening = new Set<Worker>()
  let isStopping = false
  const stopAdmin = args.admin === undefined ? undefined : await adminOf(args.admin, unready, log)

  function unready(): string | undefined {
    if (isStopping) return 'draining'
    if (reached.size === 0) return 'no worker listens'
    return [...reached.values()].includes(true) ? undefined : 'pachd was not reached'
  }

  /** Starts a worker and returns its welcome; throws a Fault if it exits before it listens. */
  async function start(index: number): Promise<Welcome> {
    const worker = cluster.fork({ [indexVariable]: String(index) })
    const ended = endOf(worker, index).then((fault) => {
      running.delete(worker)
      reached.delete(worker)
      listening.delete(worker)
      return fault
    })
    running.set(worker, ended)
    const welcome = await Promise.race([
      ended,
      new Promise<Welcome>((resolve) => {
        // prom-client also sends messages.
        worker.on('message', (news: News | object) => {
          if ('welcome' in news) {
            listening.add(worker)
            resolve(news.welcome)
          } else if ('isReached' in news) reached.set(worker, news.isReached)
        })
      }),
    ])
    if (welcome instanceof Fault) throw welcome
    void ended.then((fault) => replace(index, fault))
    return welcome
  }

  /** Starts another worker, again and again until one listens. */
  async function replace(index: number, fault: Fault): Promise<void> {
    if (isStopping) return
    log.warn(`${fault.message}; another one starts`)
    await setTimeout(restartMilliseconds)
    if (!isStopping) await start(index).catch((thrown: Fault) => replace(index, thrown))
  }

  function order(each: Order): void {
    for (const worker of running.keys()) worker.send(each)
  }

  async function startAll(): Promise<Welcome> {
    try {
      // One first: if it fails, the others would fail, too.
      const welcome = await start(0)
      await Promise.all(Array.from({ length: args.workers - 1 }, (_, index) => start(index + 1)))
      return welcome
    } catch (thrown) {
      isStopping = true
      for (const worker of running.keys()) worker.kill('SIGKILL')
      await stopAdmin?.()
      throw thrown
    }
  }

  const welcome = await startAll()
  log.say(`${args.workers} workers serve, version ${version}.`, { workers: args.workers })
  return {
    welcome,
    reload: () => order('reload'),
    async stop() {
      isStopping = true
      // A worker that still waits for pachd takes no orders.
      for (const worker of running.keys()) if (!listening.has(worker)) worker.process.kill('SIGKILL')
      order('stop')
      await Promise.all(running.values())
      await stopAdmin?.()
    },
  }
}

function endOf(worker: Worker, index: number): Promise<Fault> {
  return new Promise((resolve) => {
    worker.on('exit', (code: number, signal: string | null) => {
      const text = `worker ${index} (process ${worker.process.pid}) has ended with ${signal ?? code}`
      // A worker that exits by itself has printed the reason.
      resolve(signal === null ? new PrintedFault(text) : new Fault(text))
    })
    // Node also reports messages to a worker that has just ended.
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) resolve(new Fault(`worker ${index} cannot start: ${lineFrom(error)}`))
    })
  })
}

async function adminOf(address: NonNullable<Arguments['admin']>, unready: () => string | undefined, log: ProgramLog) {
  const { AggregatorRegistry } = await import('prom-client')
  const registry = new AggregatorRegistry()
  const metrics = { contentType: registry.contentType, text: () => registry.clusterMetrics() }
  return startAdmin(address, { unready, metrics }, log)
}

/** Runs a worker until the primary process stops it or exits. */
export async function runWorker(args: Arguments, log: ProgramLog, version: string): Promise<void> {
  const isFirst = process.env[indexVariable] === '0'
  // Only one worker prints messages that are the same for all.
  const ownLog = isFirst ? log : { ...log, say: () => undefined, warn: () => undefined }
  // A terminal or systemd sends signals to all processes; only the primary process handles them.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  process.once('disconnect', () => process.exit(1))
  const tell = (news: News): void => void process.send?.(news)
  const gateway = await serve(args, process.env, ownLog, {
    version,
    isFirst,
    hasOwnAdmin: false,
    onReached: (isReached) => tell({ isReached }),
  })
  process.on('message', (order: Order) => {
    if (order === 'reload') gateway.reload()
    else if (order === 'stop')
      gateway.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
  })
  tell({ welcome: gateway.welcome })
}
