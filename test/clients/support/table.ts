import type { ClientScript } from './scripts.js'

/** One run of a script. */
export interface ClientRun {
  readonly script: ClientScript
  /** Name and version. */
  readonly client: string
  readonly setup: string
  readonly signature: string
  readonly passed: boolean
}

/** The page of clients: a row per script, with the tested version and any failures. */
export function clientsPage(runs: readonly ClientRun[]): string {
  const scripts = [...new Set(runs.map(({ script }) => script))]
  const setups = [...new Set(runs.map(({ setup }) => setup))]
  const rows = scripts.map((script) =>
    row(
      script,
      runs.filter((run) => run.script === script),
    ),
  )
  return `# Clients

\`npm run test:clients\` writes this page: it runs each of these clients against the program, over PFS ${setups.join('; ')}.

| client | version | runs | signatures | setups | result |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`
}

function row(script: ClientScript, runs: readonly ClientRun[]): string {
  const [, name = script.name, version = ''] = /^(.+?) (\(?\w*\.?\w*[\d.].*)$/.exec(runs[0]?.client ?? '') ?? []
  const setups = new Set(runs.map(({ setup }) => setup))
  const failed = runs.filter(({ passed }) => !passed).map(({ setup, signature }) => `${signature} ${setup}`)
  const result = failed.length === 0 ? 'passes' : `fails: ${failed.join('; ')}`
  const cells = [name, version, script.covers, script.signatures.join(', '), String(setups.size), result]
  return `| ${cells.join(' | ')} |`
}
