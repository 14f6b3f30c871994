import { mkdirSync, writeFileSync } from 'node:fs'
import { fileOf } from '../../test/support/root.js'
import type { Figure } from './rounds.js'

/** Collects results, prints them as they arrive, and stores them as JSON. */
export interface Report {
  /** The figures of one comparison; ratios are to the first. */
  add(title: string, unit: string, figures: readonly Figure[]): void
  /** Writes all figures to a file and returns its path. */
  save(): string
}

/** An empty report. */
export function createReport(): Report {
  const sections: object[] = []
  return {
    add(title, unit, figures) {
      sections.push({ title, unit, figures })
      console.log(`\n${title} (${unit}; median, least to most, ratio to the first)`)
      const first = figures[0]?.median ?? Number.NaN
      for (const { name, median, least, most } of figures) {
        const ratio = (median / first).toFixed(2)
        console.log(`  ${name.padEnd(36)} ${shown(median)}  ${shown(least)} to ${shown(most)}  ${ratio.padStart(7)}`)
      }
    },
    save() {
      const directory = fileOf('bench/results/')
      mkdirSync(directory, { recursive: true })
      const file = new URL(`${new Date().toISOString().replaceAll(':', '-')}.json`, directory)
      writeFileSync(file, JSON.stringify({ node: process.version, sections }, null, 2))
      return file.pathname
    },
  }
}

function shown(figure: number): string {
  return figure.toFixed(figure < 100 ? 2 : 0).padStart(9)
}
