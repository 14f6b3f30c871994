#!/usr/bin/env node
import './quiet-grpc.js'
import { readFileSync } from 'node:fs'
import { parseArguments } from './arguments.js'
import { Fault, lineFrom } from './fault.js'
import { serve } from './serve.js'

/** The text of `--help`. */
const usage = `Usage: pfs-s3-gateway [OPTIONS]

Serves Pachyderm's PFS over the Amazon S3 REST API.

  --listen HOST:PORT     address for S3 clients (default 127.0.0.1:30600; port 0 chooses a free port);
                         :PORT listens on all interfaces, PORT alone on loopback
  --tls-cert FILE        serve https with this certificate chain (PEM)
  --tls-key FILE         and this private key (PEM)

Which PFS; the first one given is used:
  --memory               PFS in memory: its content is lost when the program exits
  --pachd ADDRESS        a pachd, such as grpc://localhost:30650 or grpcs://pach.example.com:443
  PACHD_ADDRESS          the same, from the environment
  pachctl's config file  the active context's pachd_address ($PACH_CONFIG or ~/.pachyderm/config.json)
  otherwise              as --memory

With PFS in memory:
  --root-token TOKEN     activate auth; TOKEN is the root user's
  --serve-pfs HOST:PORT  also serve it over gRPC, like a pachd

Authentication:
  --auth pachyderm       access key and secret key are both a Pachyderm token; if auth is not active in
                         Pachyderm, any or no credentials are accepted (default)
  --auth keys:FILE       access keys from a JSON file:
                         {"ACCESSKEY": {"secretAccessKey": "...", "authToken": "a Pachyderm token"}}
  --auth none            no authentication; if auth is active in Pachyderm, all requests use PACH_TOKEN,
                         or --root-token

  --domain NAME          also serve buckets at BUCKET.NAME; may be repeated
  --bucket-alias A=BUCKET
                         another name for a bucket, such as training-data=master.images.vision; may be repeated
  --bucket-separator=TEXT
                         bucket names without dots: with =--, master--images means master.images
  --object-records all|needed|off
                         keep headers, metadata, tags and MD5 ETags of objects beside the data: for all writes, for
                         writes that have any, or never (default off)
  --delete-versions hide|refuse
                         hide a version that a client deletes, which needs records, or refuse the request (default
                         hide)
  --region NAME          accept only signatures for this region
  --base-path PATH       path prefix of requests from a proxy, such as /s3
  --sweep-uploads AGE    delete multipart uploads that were not completed within AGE, such as 7d, at startup and every
                         hour; if auth is active, with PACH_TOKEN, or --root-token
  --drain-seconds N      how long running requests may take to finish after SIGTERM or SIGINT (default 25)
  --log json|pretty|off  a line for each request on standard output (default pretty)
  --print-addresses      print the listening addresses to standard output, as one line of JSON: {"s3":"http://..."},
                         and with --serve-pfs or a pachd also "pfs":"grpc://..."
  --help                 print this text
  --version              print the version of this program
`

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
    // The next signal has no listener and terminates the process at once.
    process.removeListener('SIGTERM', stop)
    process.removeListener('SIGINT', stop)
    // Timers and retries of cut requests must not keep the process alive.
    gateway.stop().then(() => process.exit(), fail)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.stdout.write(gateway.addresses)
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
