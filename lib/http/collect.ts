/** The whole of a stream that is known to be no longer than `length` bytes. */
export async function collect(stream: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const [first, ...rest] = await pieces(stream)
  if (first !== undefined && rest.length === 0) return first
  const whole = Buffer.allocUnsafe(length)
  let offset = 0
  for (const piece of first === undefined ? [] : [first, ...rest]) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole.subarray(0, offset)
}

async function pieces(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const piece of stream) all.push(piece)
  return all
}
