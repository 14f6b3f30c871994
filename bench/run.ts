import { parseArgs } from 'node:util'
import { benchCommits } from './commits.js'
import { benchListing } from './listing.js'
import { benchMemory } from './memory.js'
import { benchPachd } from './pachd.js'
import { createReport, type Report } from './support/report.js'
import { benchTransfers } from './transfers.js'

const benchmarks = new Map<string, (report: Report) => Promise<void>>([
  ['commits', benchCommits],
  ['transfers', benchTransfers],
  ['memory', benchMemory],
  ['listing', benchListing],
])

const { values, positionals: names } = parseArgs({
  options: { short: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  allowPositionals: true,
})
const settings = { isShort: values.short, ...(values.rounds !== undefined && { rounds: Number(values.rounds) }) }
const unknown = names.find((name) => !benchmarks.has(name) && name !== 'pachd')
if (unknown !== undefined) {
  console.error(`there is no benchmark ${unknown}; there are ${[...benchmarks.keys(), 'pachd'].join(', ')}`)
  process.exit(1)
}
if (names.length === 1 && names[0] === 'pachd') {
  await benchPachd(settings)
  process.exit()
}
const report = createReport()
for (const [name, bench] of benchmarks) if (names.length === 0 || names.includes(name)) await bench(report)
if (names.includes('pachd')) await benchPachd(settings)
console.log(`\nkept in ${report.save()}`)
