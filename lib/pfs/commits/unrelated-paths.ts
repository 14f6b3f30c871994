/**
 * Paths, and whether others are among them, above them or below them. They are kept as numbers: equal paths have equal
 * ones, and two others hardly ever, which would make them related. A path of many segments has many parents, and to keep
 * each as text would take the square of its length.
 */
export class UnrelatedPaths {
  readonly #paths = new Set<number>()
  readonly #directories = new Set<number>()

  /** Whether a path is one of these, above one or below one. */
  isRelated(path: string): boolean {
    const numbers = numbersOf(path)
    const own = numbers.pop() ?? 0
    return this.#paths.has(own) || this.#directories.has(own) || numbers.some((parent) => this.#paths.has(parent))
  }

  add(path: string): void {
    const numbers = numbersOf(path)
    this.#paths.add(numbers.pop() ?? 0)
    for (const parent of numbers) this.#directories.add(parent)
  }
}

/** A number for each directory above a path and, last, for the path itself: 53 bits of what comes before its slash. */
function numbersOf(path: string): number[] {
  const numbers: number[] = []
  let high = 0
  let low = 0
  for (let index = 0; index < path.length; index += 1) {
    const code = path.charCodeAt(index)
    if (code === 0x2f && index > 0) numbers.push(high * 2 ** 21 + (low >>> 11))
    high = (Math.imul(high, 0x01000193) ^ code) >>> 0
    low = (Math.imul(low, 0x85ebca6b) + code + 1) >>> 0
  }
  numbers.push(high * 2 ** 21 + (low >>> 11))
  return numbers
}
