#!/usr/bin/env node
import './quiet-grpc.js'
import { readFileSync } from 'node:fs'
import { parseArguments } from './arguments.js'
import { Fault, lineFrom } from './fault.js'
import { serve } from './serve.js'
import { usage } from './usage.js'

async function main(): Promise<void> {
  const command = parseArguments(process.argv.slice(2))
  if (command.name === 'help') {
    process.stdout.write(usage)
    return
  }
  if (command.name === 'version') {
    process.stdout.write(`${programVersion()}\n`)
    return
  }
  const gateway = await serve(command.arguments, process.env, {
    log: (text) => process.stdout.write(text),
    say: (text) => process.stderr.write(text),
  })
  const stop = () => {
    // The next signal finds no listener and ends the process at once.
    process.removeListener('SIGTERM', stop)
    process.removeListener('SIGINT', stop)
    // Timers and retries for requests that were cut must not keep the process.
    gateway.stop().then(() => process.exit(), fail)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.stderr.write(gateway.welcome)
}

function programVersion(): string {
  const file: { version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return file.version
}

function fail(thrown: unknown): void {
  const text = thrown instanceof Fault ? lineFrom(thrown) : `unexpected: ${lineFrom(thrown)}`
  process.stderr.write(`pfs-s3-gateway: ${text}\n`)
  process.exitCode = 1
}

main().catch(fail)
