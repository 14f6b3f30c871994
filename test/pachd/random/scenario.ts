import type { PachydermApi } from '../../../lib/testing/index.js'
import { one, type Random, randomFrom } from '../../support/random.js'
import { message, text } from '../messages.js'
import type { Message, Step } from '../recording.js'
import { bound, chance, datum, page, path, pattern, raw, readPath } from './choices.js'
import { Recorder } from './recorder.js'

/** An id such as pachd gives, and has not given. */
const unknownCommit = '0123456789ab4def8123456789abcdef'

const branchNames = ['master', 'side']

/**
 * Records `calls` random calls, and the waits between them, on a new repo of that name: writes, copies and deletions on
 * two branches, open commits and file sets, and reads of all of them. One seed always leads to the same calls.
 */
export async function recordRandomCalls(
  client: PachydermApi,
  { seed, calls, repo }: { seed: number; calls: number; repo: string },
): Promise<readonly Step[]> {
  const scenario = new RandomScenario(client, randomFrom(seed), repo)
  await scenario.begin()
  for (let call = 0; call < calls; call++) await scenario.next()
  await scenario.end()
  return scenario.recorder.steps
}

class RandomScenario {
  readonly recorder: Recorder
  readonly #random: Random
  readonly #repo: Message
  /** The commits that were made, as symbols, and the branches that were. */
  readonly #commits: string[] = []
  readonly #fileSets: string[] = []
  readonly #openCommits = new Map<string, string>()

  constructor(client: PachydermApi, random: Random, repo: string) {
    this.recorder = new Recorder(client)
    this.#random = random
    this.#repo = { name: repo, type: 'user', project: { name: 'default' } }
  }

  async begin(): Promise<void> {
    await this.recorder.call('CreateRepo', { repo: this.#repo })
    await this.recorder.call('CreateBranch', { branch: { repo: this.#repo, name: 'master' } })
    await this.#inspectHead('master')
  }

  async end(): Promise<void> {
    await this.recorder.call('DeleteRepo', { repo: this.#repo, force: true })
  }

  /** Makes one call, and waits until its result can be read: the time at which pachd finishes a commit varies. */
  async next(): Promise<void> {
    const kind = this.#random(100)
    if (kind < 24) return this.#write()
    if (kind < 28) return this.#openOrFinish()
    if (kind < 33) return this.#makeFileSet()
    if (kind < 36) return this.#changeBranch()
    if (kind < 44) return this.#readHistory()
    await this.#read()
  }

  async #write(): Promise<void> {
    const branch = chance(this.#random, 75) ? 'master' : 'side'
    const setCommit = this.#branchHead(branch)
    await this.recorder.call('ModifyFile', { setCommit }, ...this.#operations())
    await this.#inspectHead(branch)
  }

  #operations(): Message[] {
    return Array.from({ length: this.#random(5) }, () => this.#operation())
  }

  #operation(): Message {
    const random = this.#random
    const kind = random(100)
    const at = { path: path(random), ...datum(random) }
    if (kind < 60) return { addFile: { ...at, raw: raw(random) } }
    if (kind < 75) return { deleteFile: at }
    if (kind < 82) return { deleteFile: { path: one(random, ['/d/', '/a/', '/b/', '/d/e/', '/']) } }
    const src = { commit: this.#source(), path: chance(random, 20) ? one(random, ['/d', '/', '/a']) : path(random) }
    return { copyFile: { dst: path(random), src, ...(chance(random, 40) && { append: true }), ...datum(random) } }
  }

  /** The head, finished unless the commit is open: its answer makes the commit known. */
  async #inspectHead(branch: string): Promise<void> {
    const wait = this.#openCommits.has(branch) ? 'STARTED' : 'FINISHED'
    const { responses } = await this.recorder.call('InspectCommit', { commit: this.#branchHead(branch), wait })
    const id = text(message(responses[0]?.commit).id)
    if (id && !this.#commits.includes(id)) this.#commits.push(id)
  }

  async #openOrFinish(): Promise<void> {
    const branch = one(this.#random, branchNames)
    const id = this.#openCommits.get(branch)
    if (id) {
      await this.recorder.call('FinishCommit', { commit: this.#commit(id) })
      this.#openCommits.delete(branch)
    } else {
      const { responses } = await this.recorder.call('StartCommit', { branch: { repo: this.#repo, name: branch } })
      const started = text(responses[0]?.id)
      if (started) this.#openCommits.set(branch, started)
    }
    await this.#inspectHead(branch)
  }

  async #makeFileSet(): Promise<void> {
    const random = this.#random
    const [open] = this.#openCommits.values()
    if (open && this.#fileSets.length > 0 && chance(random, 50)) {
      await this.recorder.call('AddFileSet', { commit: this.#commit(open), fileSetId: one(random, this.#fileSets) })
      return
    }
    const ids = Array.from({ length: 2 }, () => (this.#fileSets.length > 0 ? one(random, this.#fileSets) : ''))
    const { responses } =
      ids[0] && chance(random, 40)
        ? await this.recorder.call('ComposeFileSet', { fileSetIds: ids, ttlSeconds: '600' })
        : await this.recorder.call('CreateFileSet', ...this.#operations())
    const id = text(responses[0]?.fileSetId)
    if (id) this.#fileSets.push(id)
  }

  async #changeBranch(): Promise<void> {
    const branch = { repo: this.#repo, name: 'side' }
    if (this.#openCommits.has('side')) return this.#inspectHead('side')
    if (chance(this.#random, 30)) {
      await this.recorder.call('DeleteBranch', { branch })
      return
    }
    const open = [...this.#openCommits.values()]
    const closed = this.#commits.filter((id) => !open.includes(id))
    const head = chance(this.#random, 70) && { head: this.#commit(one(this.#random, closed)) }
    await this.recorder.call('CreateBranch', { branch, ...head })
    await this.#inspectHead('side')
  }

  async #readHistory(): Promise<void> {
    const random = this.#random
    const repo = this.#repo
    switch (random(6)) {
      case 0:
        await this.recorder.call('ListCommit', {
          repo,
          ...(chance(random, 50) && { to: this.#commit(one(random, this.#commits)) }),
          number: '3',
        })
        return
      case 1:
        await this.recorder.call('ListBranch', { repo })
        return
      case 2:
        await this.recorder.call('InspectBranch', { branch: { repo, name: one(random, branchNames) } })
        return
      case 3:
        await this.recorder.call('InspectRepo', { repo })
        return
      default: {
        const filePath = chance(random, 20) ? readPath(random) : path(random)
        const limit = random(3)
        await this.recorder.call('FindCommits', { start: this.#commit(one(random, this.#commits)), filePath, limit })
      }
    }
  }

  async #read(): Promise<void> {
    const random = this.#random
    const commit = this.#source()
    const file = { commit, path: readPath(random), ...datum(random) }
    switch (random(12)) {
      case 0:
      case 1: {
        const offset = chance(random, 30) ? String(random(8)) : '0'
        const found = chance(random, 25) ? { commit, path: pattern(random) } : file
        await this.recorder.call('GetFile', { file: found, offset })
        return
      }
      case 2:
      case 3:
        await this.recorder.call('InspectFile', { file })
        return
      case 4:
      case 5:
        await this.recorder.call('ListFile', { file, ...page(random, commit) })
        return
      case 6:
      case 7:
        await this.recorder.call('WalkFile', { file, ...page(random, commit) })
        return
      case 8:
      case 9: {
        const pathRange = chance(random, 60) && { pathRange: { lower: bound(random), upper: bound(random) } }
        await this.recorder.call('GlobFile', { commit, pattern: pattern(random), ...pathRange })
        return
      }
      default: {
        const oldFile = chance(random, 60) && { oldFile: { commit: this.#source(), path: file.path } }
        await this.recorder.call('DiffFile', {
          newFile: file,
          ...oldFile,
          ...(chance(random, 30) && { shallow: true }),
        })
      }
    }
  }

  /** The source of a read or copy: a branch, a commit, a file set, sometimes a missing one. */
  #source(): Message {
    const random = this.#random
    const kind = random(100)
    if (kind < 50) return this.#branchHead('master')
    if (kind < 62) return this.#branchHead('side')
    if (kind < 88 || this.#fileSets.length === 0) return this.#commit(one(random, this.#commits))
    if (kind < 91) return this.#commit(unknownCommit)
    const repo = { name: '__filesets__', type: 'user', project: { name: 'default' } }
    return { repo, id: one(random, this.#fileSets), branch: { repo, name: '' } }
  }

  #branchHead(branch: string): Message {
    return { repo: this.#repo, branch: { repo: this.#repo, name: branch } }
  }

  #commit(id: string): Message {
    return { repo: this.#repo, id }
  }
}
