import { benchCommits } from './commits.js'
import { benchListing } from './listing.js'
import { benchMemory } from './memory.js'
import { createReport } from './support/report.js'
import { benchTransfers } from './transfers.js'

const benchmarks = new Map([
  ['commits', benchCommits],
  ['transfers', benchTransfers],
  ['memory', benchMemory],
  ['listing', benchListing],
])

const names = process.argv.slice(2)
const unknown = names.find((name) => !benchmarks.has(name))
if (unknown !== undefined) {
  console.error(`there is no benchmark ${unknown}; there are ${[...benchmarks.keys()].join(', ')}`)
  process.exit(1)
}
const report = createReport()
for (const [name, bench] of benchmarks) if (names.length === 0 || names.includes(name)) await bench(report)
console.log(`\nkept in ${report.save()}`)
