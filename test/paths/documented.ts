import { readFileSync } from 'node:fs'
import { fileOf } from '../support/root.js'
import { type Snippet, snippetsOf } from '../support/snippets.js'

/** The first block of a page with a text, in a language. @throws Error if there is none */
export function blockWith(page: string, language: string, text: string): string {
  const found = snippetsOf(page).find((snippet) => snippet.language === language && snippet.text.includes(text))
  if (found === undefined) throw new Error(`${page} has no ${language} block with ${text}`)
  return found.text
}

/** The text of a page that a pattern matches, or its first group. @throws Error if it matches none */
export function textIn(page: string, pattern: RegExp): string {
  const found = pattern.exec(readFileSync(fileOf(page), 'utf8'))
  if (found === null) throw new Error(`${page} does not contain ${pattern}`)
  return found[1] ?? found[0]
}

/** A test runner of docs/testing.md: its command, and the files that it runs, by name. */
export interface Runner {
  readonly name: string
  readonly command: string
  readonly files: ReadonlyMap<string, string>
}

/** The test runners of docs/testing.md, each with the code under test. */
export function documentedRunners(): readonly Runner[] {
  const page = 'docs/testing.md'
  const named = (snippet: Snippet) => /^(?:\/\/|#) (\S+)\n/.exec(snippet.text)?.[1]
  const snippets = snippetsOf(page).filter((snippet) => named(snippet) !== undefined)
  const runnerOf = ({ reason = '' }: Snippet) => /^(.+) runs it$/.exec(reason)?.[1]
  return [...readFileSync(fileOf(page), 'utf8').matchAll(/^With \*\*(.+?)\*\*: `([^`]+)`/gm)].map(
    ([, name = '', command = '']) => {
      const own = snippets.filter((snippet) => runnerOf(snippet) === name)
      if (own.length === 0) throw new Error(`${page} has no code for ${name}`)
      const shared = snippets.filter((snippet) => runnerOf(snippet) === undefined)
      return { name, command, files: new Map([...own, ...shared].map((each) => [named(each) ?? '', each.text])) }
    },
  )
}
