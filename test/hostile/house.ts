import type { AuthConfig, S3HandlerOptions } from '../../lib/index.js'
import { filesOf, type PachydermApi } from '../../lib/testing/index.js'
import { createRepoAndBranch } from '../support/branch.js'
import { type Gateway, startGateway } from '../support/gateway.js'
import { type Key, signV4, type Unsigned } from '../support/sign.js'
import { openGuardedPfs } from '../support/test-pfs.js'
import { exchange, type RawResponse } from '../support/wire.js'

/** A gateway with auth on and two callers. */
export interface House extends Gateway {
  /** The gateway's own client, whose calls a test may replace: they need a token. */
  readonly pfs: PachydermApi
  /** Owns the repos `alice` and `shared`. */
  readonly alice: Key
  /** May read `shared` and nothing else. */
  readonly bob: Key
  /** Credentials of both callers. */
  readonly tokens: { readonly alice: string; readonly bob: string; readonly root: string }
  /** The arguments of `onError` and `onResponse`, as text. */
  readonly log: string[]
  /** Waits until the log has this many entries. */
  logged(entries: number): Promise<void>
}

export type Mode = 'pachyderm' | 'keys'

/** Opens the house; close it in `suite.after`. */
export async function openHouse(mode: Mode, options: S3HandlerOptions = {}): Promise<House> {
  const opened = await openGuardedPfs()
  const { asRoot, rootToken: root } = opened
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((robot) => asRoot.getRobotToken({ robot })))
  const tokens = { alice: alice ?? '', bob: bob ?? '', root }
  await createRepo(asRoot, 'alice', { alice: 'repoOwner' })
  await createRepo(asRoot, 'shared', { alice: 'repoOwner', bob: 'repoReader' })
  const keys = {
    alice: { accessKeyId: 'AKALICE', secretAccessKey: 'secret-of-alice' },
    bob: { accessKeyId: 'AKBOB', secretAccessKey: 'secret-of-bob' },
  }
  const credentials = new Map([
    ['AKALICE', { secretAccessKey: keys.alice.secretAccessKey, authToken: tokens.alice }],
    ['AKBOB', { secretAccessKey: keys.bob.secretAccessKey, authToken: tokens.bob }],
  ])
  const authConfig: AuthConfig =
    mode === 'pachyderm' ? { mode } : { mode, credentialFor: (accessKeyId) => credentials.get(accessKeyId) }
  const log: string[] = []
  let wake: () => void = () => undefined
  const write = (entry: string): void => {
    log.push(entry)
    wake()
  }
  const logged = async (entries: number): Promise<void> => {
    while (log.length < entries) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const gateway = await startGateway({
    opened,
    authConfig,
    options: {
      onError: (error, context) => write(`${textOf(error)} ${JSON.stringify(context)}`),
      onResponse: (entry) => write(JSON.stringify(entry)),
      ...options,
    },
  })
  const own = (token: string): Key => ({ accessKeyId: token, secretAccessKey: token })
  const callers = mode === 'keys' ? keys : { alice: own(tokens.alice), bob: own(tokens.bob) }
  const close = async (): Promise<void> => {
    await gateway.close()
    await opened.close()
  }
  return { ...gateway, pfs: opened.pfs, ...callers, tokens, log, logged, close }
}

/** Sends a request signed by a caller, by default Alice. */
export function ask(house: House, request: Unsigned, key: Key = house.alice): Promise<RawResponse> {
  return exchange(house.port, signV4(request, { key }))
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.stack} ${JSON.stringify(error)} ${textOf(error.cause)}` : String(error)
}

async function createRepo(pfs: PachydermApi, name: string, roles: Readonly<Record<string, string>>): Promise<void> {
  const branch = { repo: { project: 'default', name, type: 'user' as const }, name: 'master' }
  await createRepoAndBranch(pfs, branch)
  for (const [robotName, role] of Object.entries(roles)) {
    const resource = { type: 'REPO' as const, name: `default/${name}` }
    await pfs.modifyRoleBinding({ resource, principal: `robot:${robotName}`, roles: [role] })
  }
}

/** The text of a file at the head of a branch, asked of PFS itself; undefined if it is missing. */
export async function stored(house: House, repoName: string, path: string): Promise<string | undefined> {
  return (await storedFiles(house, repoName))[path.slice(1)]
}

/** The paths of all files at the head of a branch. */
export async function storedPaths(house: House, repoName: string): Promise<readonly string[]> {
  return Object.keys(await storedFiles(house, repoName)).map((path) => `/${path}`)
}

function storedFiles({ pfs, tokens }: House, repoName: string): Promise<Record<string, string>> {
  return filesOf(pfs, `master.${repoName}`, { authToken: tokens.root })
}
