import { groups, type SettingName, settings } from './settings.js'

const columns = 118
const indent = 29

/** What `--help` prints. */
export const usage = `Usage: pfs-s3-gateway [OPTIONS]

Serves Pachyderm's PFS over the Amazon S3 REST API.
${Object.entries(groups)
  .map(([title, group]) => `\n${title}:\n${(Object.keys(group) as SettingName[]).map(line).join('')}`)
  .join('')}
Configuration; flags win over the environment, which wins over the file:
${entry('--config FILE', 'JSON or YAML with the settings above and cors, by their names in docs/options.md')}${entry('PFS_S3_...', 'the same from the environment, such as PFS_S3_TLS_CERT for --tls-cert; lists with commas')}${entry('--print-config', 'print the settings as JSON, without secrets, and end')}${entry('--help', 'this text')}${entry('--version', 'the version of this program')}`

function line(name: SettingName): string {
  const setting = settings[name]
  if (setting.flag === '') return ''
  const flag = `--${setting.flag}${setting.value === undefined ? '' : ` ${setting.value}`}`
  return entry(flag, setting.default === undefined ? setting.help : `${setting.help} (default ${setting.default})`)
}

/** A name and what it means, wrapped, in two columns. */
export function entry(name: string, help: string): string {
  const lines = help.split('\n').flatMap(wrapped)
  const left = `  ${name} `
  const [first, ...others] = left.length > indent ? ['', ...lines] : lines
  return [left.padEnd(indent) + first, ...others.map((text) => ' '.repeat(indent) + text)]
    .map((text) => `${text.trimEnd()}\n`)
    .join('')
}

/** The lines of a paragraph in the second column. */
function wrapped(paragraph: string): readonly string[] {
  const lines: string[] = []
  let current = ''
  for (const word of paragraph.split(' ')) {
    if (current !== '' && indent + current.length + 1 + word.length > columns) {
      lines.push(current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current]
}
