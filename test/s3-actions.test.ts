import { readFileSync } from 'node:fs'
import * as sdk from '@aws-sdk/client-s3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { S3Error } from '../lib/errors.js'
import { routeOperation, routes } from '../lib/routes.js'
import { actionNames } from '../lib/s3-actions.js'
import { fileOf } from './support/root.js'

interface Row {
  readonly action: string
  /** As a key of the table of routes, such as `acl GET`. */
  readonly route: string
  readonly resource: 'service' | 'bucket' | 'object'
  readonly here: string
}

const test = suite('docs/s3-actions.md')
const rows = readFileSync(fileOf('docs/s3-actions.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ['))
  .map(readRow)

function readRow(line: string): Row {
  const [, action = '', method = '', path = '', query = '', header = '', here = ''] =
    /^\| \[(\w+)\]\(\S+\) \| `([A-Z]+) ([^`?]+)(?:\?([^`]+))?`(?:, `([^`]+)`)? \| ([^|]+) \|/.exec(line) ?? []
  assert.is.not(action, '', `not a row: ${line}`)
  const asked = [...query.split('&'), header].filter((name) => name !== '' && name !== 'multipart/form-data').sort()
  const resource = path === '/' ? 'service' : path === '/bucket' ? 'bucket' : 'object'
  return { action, route: [asked.join('+'), method].filter(Boolean).join(' '), resource, here }
}

/** A form is not routed by its query, directory buckets share the request of ListBuckets, Object Lambda has another host. */
const notRouted = new Set(['PostObject', 'ListDirectoryBuckets', 'WriteGetObjectResponse'])

test('lists every action of the AWS SDK', () => {
  const actions = Object.keys(sdk).flatMap((name) => /^([A-Z]\w+)Command$/.exec(name)?.[1] ?? [])
  assert.ok(actions.length > 100)
  assert.equal(
    rows.map(({ action }) => action),
    [...new Set([...actions, 'PostObject'])].sort(),
  )
})

/** Each request is named for the first of the actions that share it. */
const named = new Map<string, string>()
for (const { action, route, resource } of rows) {
  const name = `${resource} ${route}`
  if (!notRouted.has(action) && !named.has(name)) named.set(name, action)
}

test('logs name every action of the table, and no other', () => {
  const names = Object.entries(actionNames).flatMap(([resource, table]) =>
    Object.entries(table).map(([route, action]) => [`${resource} ${route}`, action] as const),
  )
  const parts = names.filter(([name]) => /^object partNumber /.test(name)).map(([, action]) => action)
  assert.equal(parts, ['GetObject', 'HeadObject'])
  const listed = names.filter(([name]) => !/^object partNumber /.test(name)).sort()
  assert.equal(listed, [...named].sort())
})

for (const { action, route, resource, here } of rows.filter((row) => !notRouted.has(row.action))) {
  test(`${action} is ${here}`, () => {
    const code = codeOf(resource, route)
    const answer = code === '' ? 'serves it' : `refuses it with ${code}`
    assert.is(code, here === 'refused' ? 'NotImplemented' : '', `lib/routes.ts ${answer}: change its row in the page`)
  })
}

/** The code with which a request is refused before any operation runs; '' if it has one. */
function codeOf(resource: Row['resource'], route: string): string {
  const [asked = '', method = ''] = route.includes(' ') ? route.split(' ') : ['', route]
  const names = asked.split('+').filter(Boolean)
  const entries = (ofHeaders: boolean) =>
    names.filter((name) => name.startsWith('x-amz-') === ofHeaders).map((name) => [name, ['']] as const)
  try {
    routeOperation<never>(routes[resource], { method, query: new Map(entries(false)), headers: new Map(entries(true)) })
    return ''
  } catch (error) {
    if (error instanceof S3Error) return error.code
    throw error
  }
}

test('every route is an action of the table', () => {
  const listed = new Set(rows.map(({ resource, route }) => `${resource} ${route}`))
  const served = Object.entries(routes).flatMap(([resource, table]) =>
    Object.keys(table).map((route) => `${resource} ${route}`),
  )
  // GetObject and HeadObject also take the number of a part.
  const known = (route: string) => listed.has(route) || /^object partNumber (GET|HEAD)$/.test(route)
  assert.equal(
    served.filter((route) => !known(route)),
    [],
  )
})

test.run()
