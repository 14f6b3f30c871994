import { mkdirSync, writeFileSync } from 'node:fs'
import { fileOf } from '../../test/support/root.js'

/** Figures of one contender for one row, and the calls of PFS for each S3 request, if they were counted. */
export interface Cell {
  readonly figures: readonly number[]
  readonly calls?: number
}

/** One workload; the first contender is the one that ratios are to. */
export interface Row {
  readonly title: string
  readonly unit: 'seconds' | 'a second' | 'MiB'
  readonly cells: ReadonlyMap<string, Cell>
}

/** The median of some figures; NaN of none. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** How many times better a contender is than the first one of its row. */
function factor({ unit, cells }: Row, name: string): number {
  const [first] = cells.values()
  const own = median(cells.get(name)?.figures ?? [])
  const other = median(first?.figures ?? [])
  return unit === 'a second' ? own / other : other / own
}

/** The rows as a table in Markdown: median, least to most, the factor to the first column, calls of PFS a request. */
export function markdownTable(rows: readonly Row[], names: readonly string[]): string {
  const lines = rows.map((row) => {
    const cells = names.map((name, index) => {
      const cell = row.cells.get(name)
      if (cell === undefined) return '–'
      const { figures, calls } = cell
      const spread = `${shown(Math.min(...figures))} to ${shown(Math.max(...figures))}`
      const ratio = index === 0 || !row.cells.has(names[0] ?? '') ? '' : `, × ${shown(factor(row, name))}`
      return `${shown(median(figures))} (${spread})${ratio}${calls === undefined ? '' : `, ${shown(calls)} calls`}`
    })
    return [`${row.title}, ${row.unit}`, ...cells]
  })
  const table = [['', ...names], ['', ...names].map(() => '---'), ...lines]
  return table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function shown(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : figure.toPrecision(2)
}

const width = 860
const barHeight = 14
const titleWidth = 330
const colours = ['#9aa5b1', '#2f6f9f', '#d9822b', '#5b8c5a']

/** The rows as a bar chart in SVG: for each contender the factor to the first one, on a logarithmic scale. */
export function barChart(rows: readonly Row[], names: readonly string[]): string {
  const compared = rows.filter(({ cells }) => cells.has(names[0] ?? '') && cells.size > 1)
  const most = Math.max(2, ...compared.flatMap((row) => names.map((name) => factor(row, name)).filter(Number.isFinite)))
  const barWidth = (value: number): number =>
    Math.max(1, (Math.log(Math.max(value, 1)) / Math.log(most)) * (width - titleWidth - 70))
  let y = 30
  const parts = names.map(
    (name, index) =>
      `<rect x="${10 + index * 200}" y="8" width="10" height="10" fill="${colours[index]}"/>` +
      `<text x="${25 + index * 200}" y="17">${escaped(name)}</text>`,
  )
  for (const row of compared) {
    parts.push(`<text x="10" y="${y + barHeight}">${escaped(row.title)}</text>`)
    for (const [index, name] of names.entries()) {
      const value = factor(row, name)
      if (!Number.isFinite(value)) continue
      const length = barWidth(value)
      parts.push(
        `<rect x="${titleWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 2}" fill="${colours[index]}"/>`,
        `<text x="${(titleWidth + length + 5).toFixed(1)}" y="${y + barHeight - 3}">× ${shown(value)}</text>`,
      )
      y += barHeight
    }
    y += 8
  }
  const style =
    '<style>text { font: 12px sans-serif; fill: #222 }</style><rect width="100%" height="100%" fill="#fff"/>'
  const title = `<title>Times faster than ${escaped(names[0] ?? '')}, on a logarithmic scale</title>`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}">${title}${style}${parts.join('')}</svg>\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** Writes the rows to bench/results as JSON, Markdown and SVG; returns the path without its extension. */
export function saveTable(rows: readonly Row[], names: readonly string[]): string {
  const directory = fileOf('bench/results/')
  mkdirSync(directory, { recursive: true })
  const path = new URL(`pachd-${new Date().toISOString().replaceAll(':', '-')}`, directory).pathname
  const data = rows.map((row) => ({ ...row, cells: Object.fromEntries(row.cells) }))
  writeFileSync(`${path}.json`, JSON.stringify({ node: process.version, rows: data }, null, 2))
  writeFileSync(`${path}.md`, `${markdownTable(rows, names)}\n`)
  writeFileSync(`${path}.svg`, barChart(rows, names))
  return path
}
