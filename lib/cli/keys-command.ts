export async function changeKeys(_words: readonly string[]): Promise<number> {
  return 1
}
