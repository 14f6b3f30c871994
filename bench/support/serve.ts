import { createHash } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type AuthConfig,
  createPfsClient,
  createS3Handler,
  type FileOperation,
  type PfsClient,
} from '../../lib/index.js'
import { createMemoryPfs, type MemoryPfsOptions, type PachydermApi, servePfs } from '../../lib/testing/index.js'
import type { Key } from '../../test/support/sign.js'

/** The kind of server process. */
export type Served =
  /** Creates `files` of one byte, in directories of 1000, on branch `master` of repo `bench`. */
  | { readonly kind: 'pfs'; readonly memory?: MemoryPfsOptions; readonly files?: number }
  | {
      readonly kind: 'gateway'
      readonly pachd?: string
      readonly memory?: MemoryPfsOptions
      readonly shareCommits?: boolean
      /** 0 if absent. The library's own default if null. */
      readonly cacheBytes?: null
      readonly objectRecords?: 'off'
      /** Whether PFS in memory drops large bodies: keeping and hashing them takes longer than what the gateway does. */
      readonly dropsBodies?: boolean
      /** Requests must be signed with it, if given. */
      readonly key?: Key
    }
  /** Sends `objectBytes` bytes for a GET, and reads and hashes what is PUT. */
  | { readonly kind: 'bare'; readonly objectBytes: number; readonly hashes: readonly string[] }
  | { readonly kind: 's3rver'; readonly directory: string; readonly module: string }

/** Runs in a separate process: starts the requested server and sends its port to the parent. */
async function serve(served: Served): Promise<number> {
  switch (served.kind) {
    case 'pfs':
      return (await servePfs(await memoryPfs(served.memory, served.files ?? 0), '127.0.0.1:0')).port
    case 'gateway': {
      const memory = createMemoryPfs(served.memory)
      const inProcess = served.dropsBodies === true ? droppingBodies(memory) : memory
      const pfs = served.pachd === undefined ? inProcess : createPfsClient(served.pachd)
      const options = {
        shareCommits: served.shareCommits ?? true,
        ...(served.cacheBytes === undefined && { cacheBytes: 0 }),
        ...(served.objectRecords && { objectRecords: served.objectRecords }),
      }
      return listen(createS3Handler(counted(pfs), authOf(served.key), options))
    }
    case 'bare':
      return listen(bareHandler(served.objectBytes, served.hashes))
    case 's3rver':
      return serveS3rver(served.directory, served.module)
  }
}

function authOf(key: Key | undefined): AuthConfig {
  if (key === undefined) return { mode: 'none' }
  const { accessKeyId, secretAccessKey } = key
  return { mode: 'keys', credentialFor: (id) => (id === accessKeyId ? { secretAccessKey } : undefined) }
}

/** The same PFS, which reads the body of a file set and keeps a few bytes instead. */
function droppingBodies(pfs: PfsClient): PfsClient {
  return {
    ...pfs,
    async createFileSet(operations, options) {
      let path = ''
      for await (const operation of operations) if ('addFile' in operation) path = operation.addFile.path
      return pfs.createFileSet([{ addFile: { path, raw: Buffer.from('dropped') } }], options)
    },
  }
}

/** Calls of PFS since the process began, by their names. */
const calls: Record<string, number> = {}

/** The same PFS, whose calls are counted. */
function counted(pfs: PfsClient): PfsClient {
  const entries = Object.entries(pfs).map(([name, call]: [string, (...args: unknown[]) => unknown]) => [
    name,
    (...args: unknown[]) => {
      calls[name] = (calls[name] ?? 0) + 1
      return call(...args)
    },
  ])
  return Object.fromEntries(entries) as unknown as PfsClient
}

async function memoryPfs(options: MemoryPfsOptions | undefined, files: number): Promise<PachydermApi> {
  const pfs = createMemoryPfs(options)
  if (files === 0) return pfs
  const repo = { project: 'default', name: 'bench', type: 'user' } as const
  await pfs.createRepo({ repo })
  await pfs.createBranch({ branch: { repo, name: 'master' } })
  await pfs.modifyFile({ repo, branch: 'master' }, seed(files))
  return pfs
}

function* seed(files: number): Generator<FileOperation> {
  const raw = Buffer.from('x')
  for (let index = 0; index < files; index += 1) yield { addFile: { path: pathOf(index), raw } }
}

function pathOf(index: number): string {
  const name = String(index).padStart(7, '0')
  return `/data/${name.slice(0, 4)}/file-${name}`
}

/** The least that any server must do: send bytes that are in memory, or read bytes and hash them. */
function bareHandler(objectBytes: number, algorithms: readonly string[]): RequestListener {
  const piece = Buffer.alloc(Math.min(objectBytes, 1024 * 1024), 'x')
  return async (req, res) => {
    if (req.method === 'PUT') {
      const hashes = algorithms.map((algorithm) => createHash(algorithm))
      for await (const chunk of req) for (const hash of hashes) hash.update(chunk)
      res.setHeader('etag', hashes.map((hash) => hash.digest('hex')).join()).end()
      return
    }
    res.setHeader('content-length', objectBytes)
    for (let sent = 0; sent < objectBytes; sent += piece.length) {
      if (!res.write(piece)) await new Promise((resolve) => res.once('drain', resolve))
    }
    res.end()
  }
}

function listen(listener: RequestListener): Promise<number> {
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 3_600_000 }, listener)
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

async function serveS3rver(directory: string, module: string): Promise<number> {
  const { default: S3rver } = await import(module)
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: [{ name: 'bench' }],
  })
  return (await server.run()).port
}

// An interrupted benchmark must leave no processes.
process.once('disconnect', () => process.exit())

process.once('message', (served) => {
  process.on('message', () => process.send?.({ calls }))
  serve(served as Served).then(
    (port) => process.send?.({ port }),
    (error) => {
      console.error(error)
      process.exit(1)
    },
  )
})
