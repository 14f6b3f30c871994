/** The name that was probably meant: at most a third of its letters differ. */
export function nearest(misspelt: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(misspelt.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= best.name.length / 3 ? best.name : undefined
}

/** The Levenshtein distance, with a swap of two neighbours as one step (optimal string alignment). */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const cell = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let row = 1; row <= from.length; row++) {
    rows[row] = [row]
    for (let column = 1; column <= to.length; column++) {
      const substitution = cell(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const swap = row > 1 && column > 1 && isSwap ? cell(row - 2, column - 2) + 1 : substitution
      rows[row]?.push(Math.min(cell(row - 1, column) + 1, cell(row, column - 1) + 1, substitution, swap))
    }
  }
  return cell(from.length, to.length)
}
