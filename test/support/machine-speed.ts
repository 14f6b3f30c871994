/** Processor time of the work below in milliseconds, on a machine on which bounds in milliseconds hold as they are. */
const referenceMilliseconds = 4.5

const runs = 30

/**
 * How many times slower this process is now than on such a machine, at least 1: processors differ, and neighbours slow them
 * down. A bound in milliseconds of processor time is multiplied by it.
 */
export function slowness(): number {
  const text = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => ({ key: `key ${index}`, size: index })))
  let least = Number.POSITIVE_INFINITY
  // The first ones compile, and any may collect garbage.
  for (let run = 0; run < runs; run += 1) {
    const before = processorMilliseconds()
    const rows: readonly { readonly key: string; readonly size: number }[] = JSON.parse(text)
    const joined = rows.map(({ key, size }) => key.toUpperCase() + size).join()
    if (Buffer.from(joined).toString('base64') === '') throw new Error('no work was done')
    least = Math.min(least, processorMilliseconds() - before)
  }
  return Math.max(1, least / referenceMilliseconds)
}

function processorMilliseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
