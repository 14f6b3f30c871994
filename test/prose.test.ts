import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from './support/root.js'

/** Phrases that readers stumble over, and what to write instead. */
const discouraged: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/(?:^|[.;:] )(?:What|Whatever|Whoever|Whose|Of) (?!course)/, 'begin with the subject'],
  [/\bwhoever\b/i, '"anyone who", or the subject'],
  [/\bwhere (?:there|it|that|this|one|nothing|none|nobody) (?:is|are|has)\b/, '"if"'],
  [/\b(?:is|are|was|were|be) told\b/, '"gets", "fails with" or "is reported to"'],
  [/\b(?:is|are|was|were) not there\b/, '"is missing"'],
  [/(?<!there )\b(?:is|are) none\b/, '"is not a …"'],
  [/(?<!there )\bis no (?!longer|more|change)\w+/i, '"is not a …"'],
  [/\b(?:is|are) to be\b/, '"must be"'],
  [/\bof (?:its|their) own\b(?=[.,:;)]|$)/, '"separate", "new" or "its own …"'],
  [/\bso many\b/, '"at most …"'],
  [/\bheld against\b/, '"compared with" or "checked against"'],
  [/\btak(?:e|es|ing) (?:its|their) place\b/, '"replaces"'],
]

const test = suite('plain English')

/** The paths below a folder that a test accepts; generated and compiled files are left out. */
function filesBelow(folder: string, isWanted: (path: string) => boolean): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => isWanted(path) && !/generated|recordings|node_modules/.test(path))
}

/** The comments of a TypeScript file, and the titles of its tests. */
function proseOfCode(text: string): string[] {
  const comments = text.match(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*(?:\n\s*\/\/ .*)*/gm) ?? []
  const titles = [...text.matchAll(/^\s*\w+\(\s*(['"`])(.+?)\1,/gm)].map(([, , title = '']) => title)
  return [...comments.map((comment) => comment.replace(/^\s*(?:\/\*\*?|\*\/|\*|\/\/)\s?|\*\/$/gm, '')), ...titles]
}

/** The paragraphs and table cells of a Markdown page, without its code. */
function proseOfPage(text: string): string[] {
  return text.replace(/^\s*```[\s\S]*?^\s*```/gm, '').split(/\n\n|\n(?=[-|])|\|/)
}

function complaintsAbout(prose: readonly string[]): string[] {
  return prose.flatMap((piece) => {
    const line = piece.replace(/\s+/g, ' ').trim()
    return discouraged.flatMap(([phrase, instead]) => {
      const found = phrase.exec(line)
      return found === null ? [] : [`"${found[0].trim()}" in "${line.slice(0, 160)}": write ${instead}`]
    })
  })
}

test('a sentence that is hard to read is found', () => {
  assert.is(
    complaintsAbout(proseOfCode('/** What is no host name\n * is refused. */\nconst a = 1 // Whoever asks.')).length,
    4,
  )
  assert.is(complaintsAbout(proseOfPage('Whoever asks is told.\n\n```ts\n// What is asked\n```\n')).length, 3)
  assert.equal(complaintsAbout(proseOfCode("test('a wrong name is refused', () => {})\n// If it is missing.")), [])
})

for (const [folder, pattern] of [
  ['lib', /\.ts$/],
  ['examples', /\.(?:ts|mjs)$/],
  ['bench', /\.(?:ts|md)$/],
  ['test', /\.(?:ts|md)$/],
  ['docs', /\.md$/],
] as const) {
  test(`${folder} is easy to read`, () => {
    const complaints = filesBelow(folder, (path) => pattern.test(path) && path !== 'test/prose.test.ts').flatMap(
      (path) => {
        const text = readFileSync(join(root, path), 'utf8')
        return complaintsAbout(path.endsWith('.md') ? proseOfPage(text) : proseOfCode(text)).map(
          (each) => `${path}: ${each}`,
        )
      },
    )
    assert.equal(complaints, [])
  })
}

for (const page of ['README.md', 'CONTRIBUTING.md']) {
  test(`${page} is easy to read`, () => {
    assert.equal(complaintsAbout(proseOfPage(readFileSync(join(root, page), 'utf8'))), [])
  })
}

test.run()
