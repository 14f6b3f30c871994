import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './support/root.js'

/** The layers, top first: a file imports from its own folder and from lower layers. */
const layers: readonly (readonly string[])[] = [
  ['cli'],
  ['testing'],
  ['index.ts'],
  ['handler.ts'],
  ['request-log.ts'],
  ['gateway.ts', 'credential-source.ts', 'routes.ts'],
  ['options.ts'],
  ['operations'],
  ['resolver'],
  ['records'],
  ['commits'],
  ['pfs', 'signature'],
  ['http', 'checksums.ts'],
  ['errors.ts', 'concurrency.ts', 'diagnostics.ts', 's3-actions.ts', 'encoding.ts'],
]

/** Imports that are forbidden although they go to a lower layer. */
const forbiddenImports = [
  ['commits', 'http'],
  ['commits', 'errors.ts'],
  ['pfs', 'http'],
  ['pfs', 'errors.ts'],
  ['cli', 'handler.ts'],
] as const

const lib = join(root, 'lib')
const test = suite('structure of lib')

/** Imports by file, both as paths below `lib/`, without packages. */
const imports: ReadonlyMap<string, readonly string[]> = new Map(
  readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('generated'))
    .sort()
    .map((path) => [path, importsOf(path)]),
)

function importsOf(path: string): readonly string[] {
  const text = readFileSync(join(lib, path), 'utf8')
  const specifiers = [...text.matchAll(/^(?:import|export)\b[^'"]*?(?:from )?'(\.[^']+)'$/gms)]
  return specifiers.map(([, specifier = '']) => normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts'))
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? ''
}

/** The second folder of a path, such as `memory` of `testing/memory/auth.ts`; '' if it has none. */
function subfolderOf(path: string): string {
  return path.split('/').slice(1, -1)[0] ?? ''
}

function layerOf(path: string): number {
  const layer = layers.findIndex((folders) => folders.includes(folderOf(path)))
  assert.ok(layer >= 0, `${path} is in no layer: add it to the list above`)
  return layer
}

function arrows(): (readonly [from: string, to: string])[] {
  return [...imports].flatMap(([from, all]) => all.map((to) => [from, to] as const))
}

test('the imports are found', () => {
  assert.ok(arrows().length > imports.size, `${arrows().length} imports in ${imports.size} files`)
  assert.ok(imports.get('index.ts')?.includes('handler.ts'))
})

test('no file imports from a higher layer, or from another folder of its layer', () => {
  const upward = arrows().filter(
    ([from, to]) => folderOf(from) !== folderOf(to) && !to.includes('generated') && layerOf(from) >= layerOf(to),
  )
  assert.equal(upward, [])
})

test('PFS does not know S3, and the program knows only the public names', () => {
  const forbidden = arrows().filter(([from, to]) =>
    forbiddenImports.some(([folder, other]) => folderOf(from) === folder && folderOf(to) === other),
  )
  assert.equal(forbidden, [])
  const ofProgram = arrows().filter(
    ([from, to]) =>
      folderOf(from) === 'cli' && folderOf(to) !== 'cli' && !['index.ts', 'testing/index.ts'].includes(to),
  )
  assert.equal(ofProgram, [])
})

test('a subfolder imports no sibling, and files beside it do not import it', () => {
  const subfolders = new Set([...imports.keys()].map((path) => `${folderOf(path)}/${subfolderOf(path)}`))
  for (const subfolder of ['pfs/grpc', 'testing/memory', 'resolver/listing', 'resolver/versions'])
    assert.ok(subfolders.has(subfolder), subfolder)
  const across = arrows().filter(
    ([from, to]) =>
      folderOf(from) === folderOf(to) &&
      !from.endsWith('/index.ts') &&
      subfolderOf(to) !== '' &&
      subfolderOf(from) !== subfolderOf(to),
  )
  assert.equal(across, [])
})

test('the store of PFS in memory does not know its content', () => {
  const within = (path: string) => path.startsWith('testing/memory/store/')
  const outward = arrows().filter(([from, to]) => within(from) && to.startsWith('testing/memory/') && !within(to))
  assert.equal(outward, [])
  assert.ok([...imports.keys()].some(within))
})

test('no file imports itself, directly or indirectly', () => {
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    assert.not(way.includes(path), [...way, path].join(' → '))
    if (done.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...way, path])
    done.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
})

test('no file is longer than 300 lines', () => {
  const long = [...imports.keys()].filter((path) => readFileSync(join(lib, path), 'utf8').split('\n').length > 301)
  assert.equal(long, [])
})

test.run()
