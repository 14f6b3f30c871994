import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PfsStatus } from '../../lib/index.js'
import { pfsStatusCodes } from '../../lib/pfs/errors.js'
import { type Answer, ask } from '../support/ask.js'
import { bucket, commits } from './support/branch.js'
import { type Method, refusing } from './support/faulty-pfs.js'
import { type Rig, startRig } from './support/rig.js'

/** The S3 error for a status of PFS without a known text. */
const answers: Readonly<Record<PfsStatus, string>> = {
  CANCELLED: '500 InternalError',
  UNKNOWN: '500 InternalError',
  INVALID_ARGUMENT: '500 InternalError',
  DEADLINE_EXCEEDED: '503 ServiceUnavailable',
  NOT_FOUND: '404 NoSuchKey',
  ALREADY_EXISTS: '500 InternalError',
  PERMISSION_DENIED: '403 AccessDenied',
  RESOURCE_EXHAUSTED: '503 SlowDown',
  FAILED_PRECONDITION: '500 InternalError',
  ABORTED: '500 InternalError',
  OUT_OF_RANGE: '500 InternalError',
  UNIMPLEMENTED: '500 InternalError',
  INTERNAL: '500 InternalError',
  UNAVAILABLE: '503 ServiceUnavailable',
  DATA_LOSS: '500 InternalError',
  // These callers send no token.
  UNAUTHENTICATED: '403 AccessDenied',
}
const statuses = Object.keys(pfsStatusCodes) as PfsStatus[]

const maxSharedBodyBytes = 16 * 1024
const large = Buffer.alloc(2 * maxSharedBodyBytes, 'a')

/** Requests by name; each needs the calls that it is listed under below. */
const requests = {
  put: (port: number) => ask(port, 'PUT', `/${bucket}/d/small`, 'new'),
  putLarge: (port: number) => ask(port, 'PUT', `/${bucket}/d/large`, large),
  putIfAbsent: (port: number) => ask(port, 'PUT', `/${bucket}/d/other`, 'new', { 'if-none-match': '*' }),
  get: (port: number) => ask(port, 'GET', `/${bucket}/small`),
  getLarge: (port: number) => ask(port, 'GET', `/${bucket}/large`),
  head: (port: number) => ask(port, 'HEAD', `/${bucket}/small`),
  list: (port: number) => ask(port, 'GET', `/${bucket}?list-type=2`),
  listDirectory: (port: number) => ask(port, 'GET', `/${bucket}?list-type=2&delimiter=/`),
  headBucket: (port: number) => ask(port, 'HEAD', `/${bucket}`),
  delete: (port: number) => ask(port, 'DELETE', `/${bucket}/gone`),
  copy: (port: number) => ask(port, 'PUT', `/${bucket}/copy`, '', { 'x-amz-copy-source': `/${bucket}/small` }),
} as const
type RequestName = keyof typeof requests

const calledBy: Partial<Readonly<Record<Method, readonly RequestName[]>>> = {
  inspectCommit: ['put', 'putLarge', 'putIfAbsent', 'delete', 'copy'],
  globFile: ['put', 'putLarge', 'get', 'getLarge', 'head', 'copy'],
  listFile: ['listDirectory', 'headBucket'],
  walkFile: ['list'],
  modifyFile: ['put', 'putLarge', 'putIfAbsent', 'delete', 'copy'],
  getFile: ['get', 'getLarge'],
}

/** A NOT_FOUND names the missing entity in its text. */
const missing: Partial<Readonly<Record<Method, string>>> = {
  inspectCommit: 'branch "master" not found in repo default/data',
  globFile: 'repo default/data not found',
  listFile: 'repo default/data not found',
  walkFile: 'repo default/data not found',
  modifyFile: 'repo default/data not found',
}
const missingFile = 'file /d not found in repo default/data at commit 0'

function expected(method: Method, name: RequestName, status: PfsStatus): string {
  if (name === 'head' || name === 'headBucket') return answers[status].slice(0, 3)
  if (status !== 'NOT_FOUND') return answers[status]
  return missing[method] === undefined ? answers[status] : '404 NoSuchBucket'
}

const shown = ({ status, code }: Answer): string => (code === '' ? `${status}` : `${status} ${code}`)

const faults = suite<{ rigs: Map<Method, Rig> }>('every status of PFS')

faults.before(async (context) => {
  context.rigs = new Map()
  for (const method of Object.keys(calledBy) as Method[]) {
    // Without a cache, so that every GET asks PFS for the bytes.
    const rig = await startRig({ options: { maxSharedBodyBytes, cacheBytes: 0 } })
    assert.is((await ask(rig.port, 'PUT', `/${bucket}/small`, 'small')).status, 200)
    assert.is((await ask(rig.port, 'PUT', `/${bucket}/large`, large)).status, 200)
    context.rigs.set(method, rig)
  }
})

faults.after(async ({ rigs }) => {
  for (const rig of rigs.values()) await rig.close()
})

faults('becomes an S3 error, and the next request works', async ({ rigs }) => {
  // Side by side, since reads are repeated for a while where PFS is UNAVAILABLE.
  await Promise.all([...rigs].map(([method, rig]) => everyStatus(method, rig)))
})

async function inTurn<Result>(names: readonly RequestName[], send: (name: RequestName) => Promise<Result>) {
  const results: Result[] = []
  for (const name of names) results.push(await send(name))
  return results
}

async function everyStatus(method: Method, rig: Rig): Promise<void> {
  const names = calledBy[method] ?? []
  for (const status of statuses) {
    const history = await commits(rig.truth)
    rig.pfs.faults = refusing(method, status, status === 'NOT_FOUND' ? (missing[method] ?? missingFile) : undefined)
    const send = async (name: RequestName) => [name, shown(await requests[name](rig.port))] as const
    // One after the other: concurrent reads share a call of another method.
    const told = method === 'getFile' ? await inTurn(names, send) : await Promise.all(names.map(send))
    rig.pfs.faults = {}
    const wanted = names.map((name) => [name, expected(method, name, status)] as const)
    assert.equal(told, wanted, `${method} answers ${status}`)
    const after = await commits(rig.truth)
    const isWritten = wanted.some(([, answer]) => answer === '200')
    if (!isWritten) assert.equal(after, history, `${method} ${status}`)
    assert.is((await requests.delete(rig.port)).status, 204)
    assert.is((await requests.get(rig.port)).status, 200)
  }
  await rig.idle()
}

faults.run()
