import { readdirSync, readFileSync } from 'node:fs'
import { fileOf } from './root.js'

/** A fenced block of a page of documentation. */
export interface Snippet {
  /** The page's path below the root of the project. */
  readonly page: string
  /** The line of the opening fence; the first is 1. */
  readonly line: number
  /** The first word behind the fence, such as `sh`; '' for text. */
  readonly language: string
  /** Why it cannot run, from a fence such as `sh not run: needs pachctl`. */
  readonly reason?: string
  /** An example that the block repeats, from a comment such as `<!-- examples/http.ts -->` above it. */
  readonly example?: string
  readonly text: string
}

/** README.md, CONTRIBUTING.md and the pages of docs/. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(fileOf('docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** The address that the pages use for the gateway, for pachd's gRPC API, and for the port of an operator. */
const addresses = { gateway: '127.0.0.1:30600', pachd: 'localhost:30650', admin: '127.0.0.1:30601' }

/**
 * The fenced blocks of a page, in order.
 * @throws Error if a fence is followed by something else than a language and a reason not to run the block
 */
export function snippetsOf(page: string): readonly Snippet[] {
  const text = readFileSync(fileOf(page), 'utf8')
  return [...text.matchAll(/^(?:<!-- (examples\/\S+) -->\n)?```(.*)\n([\s\S]*?)^```$/gm)].map((match) => {
    const [, example, info = '', body = ''] = match
    const opening = match.index + match[0].indexOf('```')
    const line = text.slice(0, opening).split('\n').length
    const [, language = '', reason] = /^(\w*)(?: not run: (\S.*))?$/.exec(info) ?? []
    if (info !== '' && language === '')
      throw new Error(`${page}:${line}: the fence says neither a language nor why not`)
    return { page, line, language, text: body, ...(reason && { reason }), ...(example && { example }) }
  })
}

/**
 * The text of a snippet with the addresses of running servers, each as `host:port`, in place of those that the pages use,
 * and their ports in place of the ports alone.
 */
export function addressed(text: string, running: Partial<typeof addresses>): string {
  return Object.entries(running).reduce((all, [name, address]) => {
    const shown = addresses[name as keyof typeof addresses]
    return all.replaceAll(shown, address).replaceAll(`port: ${portOf(shown)}`, `port: ${portOf(address)}`)
  }, text)
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}
