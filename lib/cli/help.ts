import { groups, type SettingName, settings } from './settings.js'

const columns = 118
const indent = 29

/** The text of `--help`. */
export const usage = `Usage: pfs-s3-gateway [OPTIONS]
       pfs-s3-gateway doctor|presign|keys ...   (pfs-s3-gateway COMMAND --help says more)

Serves Pachyderm's PFS over the Amazon S3 REST API.
${Object.entries(groups)
  .map(([title, group]) => `\n${title}:\n${(Object.keys(group) as SettingName[]).map(line).join('')}`)
  .join('')}
Configuration; flags override the environment, which overrides the file:
${entry('--config FILE', 'JSON or YAML file with these settings and cors; docs/options.md has their names')}${entry('PFS_S3_...', 'environment variables, such as PFS_S3_TLS_CERT for --tls-cert; lists with commas')}${entry('--print-config', 'print the effective settings as JSON, without secrets')}${entry('--help', 'print this text')}${entry('--version', 'print the version of this program')}`

function line(name: SettingName): string {
  const setting = settings[name]
  if (setting.flag === '') return ''
  const flag = `--${setting.flag}${setting.value === undefined ? '' : ` ${setting.value}`}`
  return entry(flag, setting.default === undefined ? setting.help : `${setting.help} (default ${setting.default})`)
}

/** A name and its description in two columns, with line breaks. */
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
