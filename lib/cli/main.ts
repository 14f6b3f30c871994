#!/usr/bin/env node
import './quiet-grpc.js'
import { readFileSync } from 'node:fs'
import { parseArguments } from './arguments.js'
import { Fault, lineFrom } from './fault.js'
import { serve } from './serve.js'

/** What `--help` prints. */
const usage = `Usage: pfs-s3-gateway [OPTIONS]

Serves Pachyderm's PFS over the Amazon S3 REST API.

  --listen HOST:PORT     where S3 clients connect (default 127.0.0.1:30600; port 0 takes a free one);
                         :PORT is every interface of this machine, PORT alone is loopback
  --tls-cert FILE        serve https with this certificate chain (PEM)
  --tls-key FILE         and this private key (PEM)

Which PFS; the first that is given:
  --memory               PFS in this process: nothing is kept when it ends
  --pachd ADDRESS        a pachd, such as grpc://localhost:30650 or grpcs://pach.example.com:443
  PACHD_ADDRESS          the same, from the environment
  pachctl's config file  the active context's pachd_address ($PACH_CONFIG or ~/.pachyderm/config.json)
  nothing                as --memory

With PFS in memory:
  --root-token TOKEN     switch auth on; TOKEN is the root user's
  --serve-pfs HOST:PORT  serve it over gRPC as well, as a pachd would

Who may do what:
  --auth pachyderm       access key and secret key are both a Pachyderm token; where auth is not active in
                         Pachyderm any or no credentials pass (default)
  --auth keys:FILE       access keys from a JSON file:
                         {"ACCESSKEY": {"secretAccessKey": "...", "authToken": "a Pachyderm token"}}
  --auth none            nobody is asked; where auth is active in Pachyderm, all act as the owner of PACH_TOKEN,
                         or of --root-token

  --domain NAME          also take bucket.NAME as the bucket's address; may be repeated
  --bucket-alias A=BUCKET
                         the bucket by a name without dots, such as training-data=master.images.vision; may be repeated
  --bucket-separator=TEXT
                         name buckets without dots: with =--, master--images is master.images
  --object-records all|needed|off
                         keep headers, metadata, tags and MD5 ETags of objects beside the data: for every write, for
                         writes that have any, or not (default off)
  --delete-versions hide|refuse
                         what happens to a version that a client deletes: it is hidden, if there are records, or the
                         client is refused (default hide)
  --region NAME          take signatures for this region only
  --base-path PATH       the prefix under which a proxy passes requests on, such as /s3
  --sweep-uploads AGE    remove multipart uploads that nobody has finished for that long, such as 7d, at the start
                         and every hour; as the owner of PACH_TOKEN, or of --root-token, where auth is active
  --drain-seconds N      how long running requests may take to finish after SIGTERM or SIGINT (default 25)
  --log json|pretty|off  a line for each request on standard output (default pretty)
  --print-addresses      write where it listens on standard output, as one line of JSON: {"s3":"http://..."}, and
                         with --serve-pfs or a pachd also "pfs":"grpc://..."
  --help                 this text
  --version              the version of this program
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
    // The next signal finds no listener and ends the process at once.
    process.removeListener('SIGTERM', stop)
    process.removeListener('SIGINT', stop)
    // Timers and retries for requests that were cut must not keep the process.
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
