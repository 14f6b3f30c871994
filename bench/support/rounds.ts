/** One thing that is measured: a round gives a figure, such as a rate. */
export interface Candidate {
  readonly name: string
  readonly round: () => Promise<number>
}

export interface Figure {
  readonly name: string
  readonly median: number
  readonly least: number
  readonly most: number
}

/** Runs the candidates in turn, `rounds` times after one that does not count, so that a drift of the machine hits all. */
export async function measure(candidates: readonly Candidate[], rounds: number): Promise<readonly Figure[]> {
  const figures = candidates.map(() => [] as number[])
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, candidate] of candidates.entries()) {
      const figure = await candidate.round()
      if (round >= 0) figures[index]?.push(figure)
    }
  }
  return candidates.map(({ name }, index) => figureOf(name, figures[index] ?? []))
}

/** The median and the spread of some results. */
export function figureOf(name: string, results: readonly number[]): Figure {
  const sorted = results.toSorted((a, b) => a - b)
  return {
    name,
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
  }
}

/** Throughput: runs `tasks` tasks, `writers` at once, and returns tasks per second. */
export async function rate(writers: number, tasks: number, task: (index: number) => Promise<unknown>): Promise<number> {
  const started = performance.now()
  let next = 0
  const work = async (): Promise<void> => {
    while (next < tasks) {
      const index = next
      next += 1
      await task(index)
    }
  }
  await Promise.all(Array.from({ length: writers }, work))
  return (tasks * 1000) / (performance.now() - started)
}
