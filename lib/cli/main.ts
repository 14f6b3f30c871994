#!/usr/bin/env node
import cluster from 'node:cluster'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import manifest from '../../package.json' with { type: 'json' }
import { type Arguments, parseArguments } from './arguments.js'
import { Fault, faultOfWriting, lineFrom, PrintedFault } from './fault.js'
import { usage } from './help.js'
import { createProgramLog, type ProgramLog } from './program-log.js'
import type { RunningGateway } from './serve.js'

// grpc-js reads this when it is loaded, with serve.js; otherwise it would print its own lines to standard error.
process.env.GRPC_VERBOSITY ??= 'NONE'
// Operators cannot fix deprecated calls in a dependency, such as an IP address as TLS server name in grpc-js.
process.noDeprecation = true

type Run = (words: readonly string[], env: NodeJS.ProcessEnv) => Promise<number>

/** The other commands, by the first word of the command line; each runs and returns an exit code. */
const commands: Readonly<Record<string, () => Promise<Run>>> = {
  doctor: async () => (await import('./doctor.js')).doctor,
  presign: async () => (await import('./presign.js')).presign,
  keys: async () => (await import('./keys-command.js')).changeKeys,
}

async function main(): Promise<void> {
  const [first = '', ...rest] = process.argv.slice(2)
  const load = Object.hasOwn(commands, first) ? commands[first] : undefined
  if (load !== undefined) {
    const runCommand = await load()
    process.exitCode = await runCommand(rest, process.env)
    return
  }
  const command = await parseArguments(process.argv.slice(2), process.env)
  switch (command.name) {
    case 'help':
      process.stdout.write(usage)
      return
    case 'version':
      process.stdout.write(`${manifest.version}\n`)
      return
    case 'print-config': {
      const { checkOptions } = await import('./serve.js')
      checkOptions(command.arguments)
      process.stdout.write(`${JSON.stringify(command.config, null, 2)}\n`)
      return
    }
    case 'serve':
      await run(command.arguments)
  }
}

async function run(args: Arguments): Promise<void> {
  const log = await createProgramLog(args.log)
  const { version } = manifest
  try {
    const { serve } = await import('./serve.js')
    const { runWorker, runWorkers } = await import('./workers.js')
    if (cluster.isWorker) {
      await runWorker(args, log, version)
      return
    }
    let isReloadDue = false
    const reloadLater = (): void => {
      isReloadDue = true
    }
    process.on('SIGHUP', reloadLater)
    const gateway =
      args.workers > 1
        ? await runWorkers(args, log, version)
        : await serve(args, process.env, log, { version, isFirst: true, hasOwnAdmin: true })
    obeySignals(gateway)
    process.off('SIGHUP', reloadLater)
    if (isReloadDue) gateway.reload()
    if (args.portFile !== undefined) {
      try {
        writePortFile(args.portFile, gateway)
      } catch (thrown) {
        await gateway.stop()
        throw thrown
      }
    }
    const { message, addresses, text } = gateway.welcome
    if (args.printAddresses) process.stdout.write(`${JSON.stringify(addresses)}\n`)
    log.say(message, { ...addresses }, text)
  } catch (thrown) {
    if (args.log !== 'json' || thrown instanceof PrintedFault) throw thrown
    log.error(thrown)
    process.exit(1)
  }

  function obeySignals(gateway: RunningGateway): void {
    const stop = () => {
      // The next signal finds no listener and ends the process at once.
      process.removeListener('SIGTERM', stop)
      process.removeListener('SIGINT', stop)
      const { drainDelaySeconds: delay, drainSeconds } = args
      const when = delay === 0 ? '' : `in ${delay} seconds, then `
      log.say(`Stopping: ${when}running requests have ${drainSeconds} seconds to finish; another signal ends them now.`)
      if (args.portFile !== undefined) removePortFile(args.portFile, log)
      // Timers and retries for requests that were cut must not keep the process.
      gateway.stop().then(() => process.exit(), fail)
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    process.on('SIGHUP', () => gateway.reload())
  }
}

/** Writes the file atomically, so that readers never see a part of it. */
function writePortFile(path: string, { welcome }: RunningGateway): void {
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify({ ...welcome.addresses, pid: process.pid })}\n`)
    renameSync(`${path}.new`, path)
  } catch (thrown) {
    throw faultOfWriting(`--port-file: cannot write ${path}`, thrown)
  }
}

/** Running requests still finish if the file cannot be removed. */
function removePortFile(path: string, log: ProgramLog): void {
  try {
    rmSync(path, { force: true })
  } catch (thrown) {
    log.error(faultOfWriting(`--port-file: cannot remove ${path}`, thrown))
  }
}

function fail(thrown: unknown): void {
  const text = thrown instanceof Fault ? lineFrom(thrown) : `unexpected: ${lineFrom(thrown)}`
  if (!(thrown instanceof PrintedFault)) process.stderr.write(`pfs-s3-gateway: ${text}\n`)
  process.exitCode = 1
  // Its channel to the primary process would keep it.
  if (cluster.isWorker) process.exit()
}

main().catch(fail)
