import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallOptions } from '../../lib/pfs/client.js'
import { createPachydermClient, type PachydermClient } from '../../lib/testing/index.js'
import { isWithAuth, scenarios } from './recording.js'
import { replay } from './replay.js'
import { RunProjects } from './run-projects.js'

const test = suite('recordings of pachd, replayed on a pachd')
const { PACHD = '', PACHD_WITH_AUTH = '', PACHD_ROOT_TOKEN: token = '' } = process.env
const client = createPachydermClient(PACHD)
const guarded = createPachydermClient(PACHD_WITH_AUTH)
const projects = new RunProjects(`-run-${randomBytes(4).toString('hex')}`)
const project = projects.nameOf('default')

test.before(async () => {
  await client.createProject({ project })
  await guarded.createProject({ project }, { authToken: token })
  // Permissions in pachd's own project, which has no owner.
  const resource = { type: 'PROJECT', name: project } as const
  for (const [principal, roles] of [
    ['allClusterUsers', ['projectWriter']],
    ['pach:root', []],
  ] as const) {
    await guarded.modifyRoleBinding({ resource, principal, roles }, { authToken: token })
  }
})

test.after(async () => {
  await deleteProject(client)
  await deleteProject(guarded, { authToken: token })
})

for (const scenario of scenarios) {
  test(scenario, async () => {
    const target = { client: isWithAuth(scenario) ? guarded : client, token, projects, overGrpc: true, isPachd: true }
    assert.equal(await replay(scenario, target), [])
  })
}

/** Deletes the repos first: pachd refuses to delete a project together with a repo that has one of type `meta` beside it. */
async function deleteProject(pfs: PachydermClient, options: CallOptions = {}): Promise<void> {
  for await (const { repo } of pfs.listRepo({ projects: [project] }, options)) {
    await pfs.deleteRepo({ repo, force: true }, options)
  }
  await pfs.deleteProject({ project, force: true }, options)
  pfs.close()
}

test.run()
