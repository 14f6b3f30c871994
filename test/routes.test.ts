import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Branch } from '../lib/index.js'
import { type Answer, ask as send } from './support/ask.js'
import { type Gateway, startGateway } from './support/gateway.js'
import { fileOf } from './support/root.js'

/** The subresources of the Amazon S3 API reference, on buckets and on objects, and the parameters of S3 Express. */
const subresources = [
  'abac',
  'accelerate',
  'acl',
  'analytics',
  'annotation',
  'annotations',
  'append',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'location',
  'logging',
  'metadataAnnotationTable',
  'metadataConfiguration',
  'metadataInventoryTable',
  'metadataJournalTable',
  'metadataTable',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'replication-metrics',
  'requestPayment',
  'restore',
  'retention',
  'select&select-type=2',
  'session',
  'tagging',
  'torrent',
  'uploadId=none',
  'uploads',
  'versioning',
  'versions',
  'website',
]

/** GET ignores these parameters; another test covers the other methods. */
const ofPlainMethods = ['list-type', 'partNumber']

const branch: Branch = { repo: { project: 'default', name: 'routed', type: 'user' }, name: 'master' }
const routed = suite<{ gateway: Gateway }>('subresources')

routed.before(async (context) => {
  context.gateway = await startGateway()
  await fetch(`${context.gateway.endpoint}/routed`, { method: 'PUT' })
  await fetch(`${context.gateway.endpoint}/routed/k`, { method: 'PUT', body: 'content' })
})

routed.after(({ gateway }) => gateway.close())

async function headOf({ pfs }: Gateway): Promise<string | undefined> {
  return (await pfs.inspectBranch(branch)).head?.id
}

function ask(gateway: Gateway, method: string, target: string): Promise<Answer> {
  return send(gateway.port, method, target, method === 'PUT' || method === 'POST' ? 'body' : undefined)
}

for (const subresource of subresources) {
  for (const path of ['/', '/routed', '/routed/k', '/routed/new']) {
    routed(`${path}?${subresource} never runs the plain method`, async ({ gateway }) => {
      const before = await headOf(gateway)
      for (const method of ['PUT', 'POST', 'DELETE', 'GET', 'HEAD']) {
        const { text } = await ask(gateway, method, `${path}?${subresource}`)
        assert.is.not(text, 'content', `${method} read the object`)
        assert.not.match(text, /<List(Bucket|AllMyBuckets)Result/, `${method} listed`)
        assert.is(await headOf(gateway), before, `${method} wrote to the branch`)
      }
    })
  }
}

routed('the subresources of the gateway are those that are tested here', () => {
  const source = readFileSync(fileOf('lib/routes.ts'), 'utf8')
  const [, known = ''] = /^const subresources\b.*? = new Set\(\[(.*?)\]\)/ms.exec(source) ?? []
  const names = [...known.matchAll(/'([^']+)'/g)].map(([, name]) => name)
  const tried = subresources.map((subresource) => /^[^=&]+/.exec(subresource)?.[0])
  assert.equal(names.sort(), [...tried, ...ofPlainMethods].sort())
})

routed('a parameter of one method has no meaning for another', async ({ gateway }) => {
  const before = await headOf(gateway)
  for (const method of ['PUT', 'POST', 'DELETE']) {
    assert.is((await ask(gateway, method, '/routed/k?partNumber=1')).code, 'NotImplemented')
    assert.is((await ask(gateway, method, '/routed?list-type=2')).code, 'NotImplemented')
  }
  assert.is((await ask(gateway, 'GET', '/routed/k?list-type=2')).code, 'NotImplemented')
  assert.is((await ask(gateway, 'GET', '/routed/k?acl&tagging')).code, 'InvalidArgument')
  assert.is(await headOf(gateway), before)
})

routed('NotImplemented for a subresource names it, and no header', async ({ gateway }) => {
  const { text } = await ask(gateway, 'PUT', '/routed?tagging')
  assert.match(text, '<Message>PUT ?tagging is not supported.</Message>')
  assert.not.match(text, '<Header>')
})

routed('an unknown parameter changes nothing', async ({ gateway }) => {
  assert.is((await ask(gateway, 'GET', '/routed/k?x-id=GetObject&unknown')).text, 'content')
})

routed.run()
