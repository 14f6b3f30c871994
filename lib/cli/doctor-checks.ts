import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { Client, credentials } from '@grpc/grpc-js'
import protobuf from 'google-protobuf'
import type { Arguments } from './arguments.js'
import { lineFrom, readNamedFile, reasonFrom } from './fault.js'
import type { PachdAddress } from './pfs.js'

/** The steps of `doctor`, printed one by one. */
export interface Report {
  ok(text: string): void
  /** Also prints a remedy, of one line or more. */
  fail(text: string, remedy: string): void
  skip(text: string): void
  /** Prints the number of failures and returns the exit code. */
  summary(): number
}

/** Creates a report that prints its lines with `print`. */
export function createReport(print: (line: string) => void): Report {
  let failures = 0
  return {
    ok: (text) => print(`ok       ${text}`),
    fail(text, remedy) {
      failures += 1
      print(`FAILED   ${text}`)
      for (const line of remedy.split('\n')) print(`         ${line}`)
    },
    skip: (text) => print(`skipped  ${text}`),
    summary() {
      print(failures === 0 ? 'No step failed.' : `${failures} ${failures === 1 ? 'step' : 'steps'} failed.`)
      return failures === 0 ? 0 : 1
    },
  }
}

/** Clock differences up to this do not matter; signatures fail at 15 minutes. */
const maxSkewSeconds = 60

/** Reports how far a clock is from that of this machine. */
export function reportSkew(name: string, seconds: number, report: Report): void {
  if (Math.abs(seconds) <= maxSkewSeconds) report.ok(`the clock of ${name} and that of this machine agree`)
  else {
    report.fail(
      `the clock of ${name} is ${Math.round(Math.abs(seconds))} seconds ${seconds > 0 ? 'ahead of' : 'behind'} that of this machine`,
      'synchronise the clocks (NTP): signatures fail if they differ by more than 15 minutes',
    )
  }
}

/** Days before its end at which a certificate is worth a failure. */
const expiryDays = 14

/** Checks that the certificate and its key belong together, and for how long the certificate is valid. */
export function checkCertificate({ certFile, keyFile }: NonNullable<Arguments['tls']>, report: Report): void {
  const certificate = readCertificate(certFile, report)
  if (certificate === undefined) return
  const { validTo, subjectAltName = 'no names' } = certificate
  const days = Math.floor((Date.parse(validTo) - Date.now()) / 86_400_000)
  if (days < 0)
    report.fail(`the certificate ${certFile} expired at ${validTo}`, 'renew it; a running gateway rereads the file')
  else if (days < expiryDays)
    report.fail(`the certificate ${certFile} expires in ${days} days`, 'renew it; a running gateway rereads the file')
  else report.ok(`the certificate ${certFile} is valid until ${validTo}, for ${subjectAltName}`)
  const key = readNamedFile('the private key', keyFile).toString('utf8')
  if (key.includes('-----BEGIN ') && matches(certificate, key)) report.ok(`the private key ${keyFile} belongs to it`)
  else
    report.fail(
      `the private key ${keyFile} does not belong to it`,
      'give the key with which the certificate was requested',
    )
}

function readCertificate(file: string, report: Report): X509Certificate | undefined {
  try {
    return new X509Certificate(readNamedFile('the certificate', file))
  } catch (thrown) {
    report.fail(
      `--tls-cert: cannot use ${file}: ${lineFrom(thrown)}`,
      'give a certificate chain in PEM, the own certificate first',
    )
    return undefined
  }
}

function matches(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

/** Time limit of a step, in milliseconds. */
const stepMilliseconds = 10_000

/** Checks that a gateway responds at a URL, through all proxies in front of it. */
export async function checkEndpoint(endpoint: string, report: Report): Promise<void> {
  try {
    const { statusCode, headers } = await answerOf(endpoint)
    if (headers['x-amz-request-id'] !== undefined) report.ok(`a gateway answers at ${endpoint}`)
    else {
      report.fail(
        `${endpoint} answers with ${statusCode}, but not as an S3 gateway`,
        'does the proxy pass this path on, and is --base-path the same?',
      )
    }
    const time = Date.parse(headers.date ?? '')
    if (!Number.isNaN(time)) reportSkew(endpoint, (time - Date.now()) / 1000, report)
  } catch (thrown) {
    const isLate = thrown instanceof Error && thrown.name === 'AbortError'
    const reason = isLate ? `nothing within ${stepMilliseconds / 1000} seconds` : reasonFrom(thrown)
    report.fail(
      `${endpoint} does not answer: ${reason}`,
      'is the gateway running, and is its certificate trusted here? For an authority of your own, set NODE_EXTRA_CA_CERTS',
    )
  }
}

/** The head of the response to a GET. Not by `fetch`, which refuses ports of other protocols, such as 6000. */
async function answerOf(endpoint: string): Promise<IncomingMessage> {
  const request = endpoint.startsWith('https:') ? httpsRequest : httpRequest
  const asked = request(endpoint, { signal: AbortSignal.timeout(stepMilliseconds) }).end()
  const [answer]: IncomingMessage[] = await once(asked, 'response')
  if (answer === undefined) throw new Error('no response')
  answer.destroy()
  return answer
}

/** The version of a pachd; throws if the server has none. */
export async function pachdVersion({ address, caCertificates }: PachdAddress): Promise<string> {
  const channelCredentials = address.startsWith('grpcs://')
    ? credentials.createSsl(caCertificates ?? null)
    : credentials.createInsecure()
  const client = new Client(address.replace(/^grpcs?:\/\//, ''), channelCredentials)
  try {
    const message = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest<Buffer, Buffer>(
        '/versionpb_v2.API/GetVersion',
        (request) => request,
        (response) => response,
        Buffer.alloc(0),
        { deadline: Date.now() + stepMilliseconds },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      )
    })
    return versionFrom(message ?? Buffer.alloc(0))
  } finally {
    client.close()
  }
}

/** Decodes `Version {uint32 major = 1; uint32 minor = 2; uint32 micro = 3; string additional = 4; …}`. */
function versionFrom(message: Buffer): string {
  const reader = new protobuf.BinaryReader(message)
  const numbers = [0, 0, 0]
  let additional = ''
  while (reader.nextField()) {
    const field = reader.getFieldNumber()
    if (field <= 3) numbers[field - 1] = reader.readUint32()
    else if (field === 4) additional = reader.readString()
    else reader.skipField()
  }
  return numbers.join('.') + additional
}
