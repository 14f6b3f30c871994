/** A reason not to start that the user can mend; told in one line, without a stack. */
export class Fault extends Error {
  override readonly name = 'Fault'
}

/** The text of whatever was thrown, on one line. */
export function lineFrom(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return text.replace(/\s*\n\s*/g, ' ').trim()
}
