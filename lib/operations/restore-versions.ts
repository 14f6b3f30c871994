import type { Change } from '../commits/change.js'
import type { CommitInTurn } from '../commits/commit-queue.js'
import { inspectHead } from '../commits/head.js'
import { mapWithLimit } from '../concurrency.js'
import { S3Error } from '../errors.js'
import type { FileInfo } from '../pfs/client.js'
import { lookUpPaths } from '../pfs/path-lookup.js'
import type { HiddenVersion, KeyRecords } from '../records/record.js'
import { contentIdOf, isMarkerPath } from '../records/record-path.js'
import type { KeyVersion, WalkedVersion } from '../resolver/versions/version-walk.js'
import type { BucketCall } from './call.js'

/** A key whose versions are being deleted. */
export interface AffectedKey {
  readonly records: KeyRecords
  /** Versions that are already hidden, by commit id. */
  readonly hidden: ReadonlyMap<string, HiddenVersion>
  /** Versions to hide, by commit id. */
  readonly versions: ReadonlyMap<string, KeyVersion>
}

/** The hidden version that restored a key, or undefined if nothing was necessary; or the reason of a failure. */
type Outcome = PromiseSettledResult<HiddenVersion | undefined>

/** For each key whose current version is deleted, the commit to restore it from; undefined deletes the key. */
type Plan = ReadonlyMap<string, string | undefined>

/** Restores the last remaining version of each key, or deletes the key if no version remains, in one commit. */
export async function restoreVersions(
  call: BucketCall,
  headId: string,
  affected: ReadonlyMap<string, AffectedKey>,
): Promise<ReadonlyMap<string, Outcome>> {
  const { gateway, bucket, options } = call
  const current = await currentFiles(call, [...affected.keys()])
  const concerned = new Map(
    [...affected].filter(([path, { hidden, versions }]) => {
      // A directory marker has no file to compare.
      if (isMarkerPath(path)) return true
      const content = contentOf(current.get(path))
      return [...hidden.values(), ...versions.values()].some((each) => each.content === content)
    }),
  )
  if (concerned.size === 0) return new Map()
  const plan = await planFrom(call, headId, concerned)
  return gateway.commits.exclusively(bucket.branch, options, (limited, commit) =>
    carryOut({ ...call, options: limited }, commit, { headId, plan, concerned }),
  )
}

interface Planned {
  readonly headId: string
  readonly plan: Plan
  readonly concerned: ReadonlyMap<string, AffectedKey>
}

async function carryOut(
  call: BucketCall,
  commit: CommitInTurn,
  planned: Planned,
): Promise<ReadonlyMap<string, Outcome>> {
  const { branch } = call.bucket
  const { repo } = branch
  const plan = await planForHead(call, planned)
  if (plan === undefined) {
    const conflict = { status: 'rejected', reason: new S3Error('OperationAborted') } as const
    return new Map([...planned.plan.keys()].map((path): [string, Outcome] => [path, conflict]))
  }
  const current = await currentFiles(call, [...plan.keys()])
  const earlier = await filesAsOf(call, plan)
  const outcomes = new Map<string, Outcome>()
  const changes: Change[] = []
  for (const [path, asOf] of plan) {
    const file = earlier.get(path)
    if (contentOf(file) === contentOf(current.get(path))) continue
    if (file === undefined || asOf === undefined) changes.push({ path })
    else changes.push({ path, content: { copyOf: { commit: { repo, id: asOf }, path }, sizeBytes: file.sizeBytes } })
  }
  if (changes.length === 0) return outcomes
  const committed = await commit(changes)
  for (const [index, { path }] of changes.entries()) {
    const outcome = committed[index]
    if (outcome?.status !== 'fulfilled') {
      if (outcome !== undefined) outcomes.set(path, outcome)
      continue
    }
    const content = contentOf(earlier.get(path))
    const asOf = plan.get(path)
    const value: HiddenVersion = {
      commitId: outcome.value.commitId,
      branch: branch.name,
      ...(content !== undefined && { content }),
      ...(asOf !== undefined && { asOf }),
    }
    outcomes.set(path, { status: 'fulfilled', value })
  }
  return outcomes
}

/** The plan, without the keys that others have written in the meantime; undefined if the branch was moved. */
async function planForHead(call: BucketCall, { headId, plan, concerned }: Planned): Promise<Plan | undefined> {
  const { gateway, bucket, options } = call
  const { commitId } = await inspectHead(gateway.pfs, bucket.branch, options)
  if (commitId === headId) return plan
  if (!(await gateway.ancestry.isAncestor(bucket.branch, headId, commitId, options))) return undefined
  const changedSince = new Set<string>()
  const keys = new Map([...concerned].map(([path, { records }]) => [path, records]))
  const start = { branch: bucket.branch, commitId, keys, endId: headId }
  const noteChange = (path: string): boolean => {
    changedSince.add(path)
    return true
  }
  await gateway.versionWalk.walk(start, noteChange, options)
  return new Map([...plan].filter(([path]) => !changedSince.has(path)))
}

/** Finds the last version of each key that is not hidden and will not be hidden. */
async function planFrom(
  { gateway, bucket, options }: BucketCall,
  commitId: string,
  concerned: ReadonlyMap<string, AffectedKey>,
): Promise<Plan> {
  const plan = new Map<string, string | undefined>()
  const left = new Map(
    [...concerned].map(([path, { hidden, versions }]) => [path, new Set([...hidden.keys(), ...versions.keys()])]),
  )
  const passed = new Set<string>()
  const visit = (path: string, version: WalkedVersion): boolean => {
    const gone = left.get(path)
    if (gone?.delete(version.commitId) !== true) {
      // The current version may stay.
      if (passed.has(path)) plan.set(path, version.commitId)
      return true
    }
    passed.add(path)
    // If no older version is hidden, any version before this one may be shown.
    plan.set(path, version.baseId)
    return gone.size === 0
  }
  const keys = new Map([...concerned].map(([path, { records }]) => [path, records]))
  await gateway.versionWalk.walk({ branch: bucket.branch, commitId, keys }, visit, options)
  return plan
}

/** Maximum earlier commits to read concurrently. */
const maxCommits = 8

/** The files at some paths at the head of the branch. */
async function currentFiles({ gateway, bucket, options }: BucketCall, paths: readonly string[]) {
  const { repo } = bucket.branch
  const id = await gateway.commits.commitToRead(bucket.branch, paths, options)
  return foundFiles(await lookUpPaths({ pfs: gateway.pfs, commit: { repo, id }, filesOnly: true }, paths, options))
}

async function filesAsOf({ gateway, bucket, options }: BucketCall, plan: Plan) {
  const { repo } = bucket.branch
  const byCommit = new Map<string, string[]>()
  for (const [path, asOf] of plan) {
    if (asOf !== undefined) byCommit.set(asOf, [...(byCommit.get(asOf) ?? []), path])
  }
  const files = await mapWithLimit(maxCommits, [...byCommit], async ([id, paths]) =>
    foundFiles(await lookUpPaths({ pfs: gateway.pfs, commit: { repo, id }, filesOnly: true }, paths, options)),
  )
  return new Map(files.flatMap((found) => [...found]))
}

function foundFiles(results: Awaited<ReturnType<typeof lookUpPaths>>): ReadonlyMap<string, FileInfo> {
  const found = new Map<string, FileInfo>()
  for (const [path, result] of results) {
    if (result.status === 'rejected') throw result.reason
    if (result.value.file !== undefined) found.set(path, result.value.file)
  }
  return found
}

/** PFS's hash of a file in hex; undefined if the file is missing. */
function contentOf(file: FileInfo | undefined): string | undefined {
  return file && contentIdOf(file.hash)
}
