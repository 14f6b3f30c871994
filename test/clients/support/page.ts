import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../support/root.js'
import { addressed, type Snippet, snippetsOf } from '../../support/snippets.js'
import type { ClientScript } from './scripts.js'
import type { RunningSetup } from './setups.js'

/** The Python environment of `requirements/` that has a module, if it is not the main one. */
const environments: Readonly<Record<string, string>> = { pachyderm_sdk: 'pachyderm', s3fs: 's3fs' }

/**
 * One script of all shell and Python blocks of a page that can run, in order: a block finds what those before it left.
 * It starts in a folder with a file `photo.jpg` and a folder `photos`.
 * @param places where the clients are installed, and a folder for the script
 */
export function pageScript(
  page: string,
  running: RunningSetup,
  places: { readonly tools: string; readonly folder: string },
): ClientScript {
  const folder = mkdtempSync(join(places.folder, `${page.replaceAll(/\W/g, '-')}-`))
  symlinkSync(join(root, 'dist/cli/main.js'), join(folder, 'pfs-s3-gateway'))
  const lines = [
    'set -euo pipefail',
    `PATH="${folder}:$PATH"`,
    "mkdir photos && printf 'not really a picture' | tee photo.jpg photos/a.jpg >photos/b.jpg",
    ...blocksOf(page).flatMap((snippet) => [
      `echo '--- ${page}:${snippet.line}'`,
      addressed(blockOf(snippet, places.tools), {
        gateway: new URL(running.endpoint).host,
        pachd: new URL(running.pachdAddress).host,
      }),
    ]),
  ]
  const path = join(folder, 'page.sh')
  writeFileSync(path, lines.join('\n'))
  const settings = { signatures: ['v4'], environment: 'main', large: false, once: true, pachd: false, covers: '' }
  return { name: 'page.sh', path, ...settings }
}

/** Whether a page has a block that can run. */
export function hasBlocks(page: string): boolean {
  return blocksOf(page).length > 0
}

function blocksOf(page: string): readonly Snippet[] {
  return snippetsOf(page).filter(({ language, reason }) => ['sh', 'python'].includes(language) && reason === undefined)
}

function blockOf({ language, text }: Snippet, tools: string): string {
  if (language === 'sh') return text
  const [, module = ''] = /^(?:import|from) (pachyderm_sdk|s3fs)\b/m.exec(text) ?? []
  const python = join(tools, environments[module] ?? 'main', 'bin/python3')
  return `'${python}' - <<'END OF PYTHON'\n${text}END OF PYTHON`
}
