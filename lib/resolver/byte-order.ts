/** Compares texts by their UTF-8 bytes, the order of S3's listings; JavaScript's own order is by UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index)
    const y = b.charCodeAt(index)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

/** The place of a UTF-16 unit in byte order: surrogates stand for characters above all others. */
export function byteRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/** A unit that ends no key and comes after every character: `a` + this is after every key that begins with `a`. */
export const afterEveryCharacter = '\udfff'
